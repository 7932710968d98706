"""Fetching cBioPortal studies from a server on this machine: a good one, and bad ones."""

import ast
import gzip
import hashlib
import inspect
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner
from urllib3 import HTTPResponse

import xmodal_sklearn
from xmodal_sklearn import CrossModalAttentionClassifier, datasets, split_modalities
from xmodal_sklearn._files import atomic_write
from xmodal_sklearn.cli import app
from xmodal_sklearn.datasets import fetch_cbioportal, fetch_metabric, read_cbioportal
from xmodal_sklearn.datasets.cbioportal import _fetch, _reader

GUIDE = Path(__file__).parents[3] / "docs/guide/data.md"
STUDY = "brca_metabric"
FILE = f"{STUDY}.tar.gz"
SAMPLES = [f"MB-{number:04d}" for number in range(30)]
SUBTYPES = ["LumA", "LumB", "Her2", "Basal", "claudin-low", "NC"]


def study_files():
    """A study in the layout of cBioPortal's archives, with the few files that are read."""
    rng = np.random.default_rng(0)

    def matrix(genes):
        rows = [
            f"{gene}\t\t" + "\t".join(f"{x:.4f}" for x in rng.normal(size=30)) for gene in genes
        ]
        return "\n".join(["\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *SAMPLES]), *rows]) + "\n"

    comments = "#a\tb\n#a\tb\n#STRING\tSTRING\n#1\t1\n"
    patients = "".join(f"{s}\t{SUBTYPES[i % 6]}\n" for i, s in enumerate(SAMPLES))
    return {
        "meta_study.txt": f"cancer_study_identifier: {STUDY}\n",
        "case_lists/cases_all.txt": "case_list_ids: " + "\t".join(SAMPLES) + "\n",
        "data_clinical_patient.txt": comments + "PATIENT_ID\tCLAUDIN_SUBTYPE\n" + patients,
        "data_clinical_sample.txt": comments
        + "SAMPLE_ID\tPATIENT_ID\n"
        + "".join(f"{s}\t{s}\n" for s in SAMPLES),
        "data_mrna_illumina_microarray.txt": matrix(["ESR1", "ERBB2", "GATA3"]),
        "data_log2_cna.txt": matrix(["ERBB2", "MYC"]),
        "data_mutations.txt": f"#Sequenced_Samples: {' '.join(SAMPLES[:25])}\n"
        "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\n"
        "TP53\tMissense_Mutation\tMB-0001\nTP53\tSilent\tMB-0002\n",
    }


def written_as_study(X, y):
    """The files of a study that holds the given cohort."""
    tables = split_modalities(X)

    def matrix(table):
        rows = [f"{gene}\t" + "\t".join(map(repr, table[gene].tolist())) for gene in table]
        return "\n".join(["\t".join(["Hugo_Symbol", *table.index]), *rows]) + "\n"

    maf = "".join(
        f"{gene}\t{'Missense_Mutation' if mutated else 'Silent'}\t{sample}\n"
        for gene, column in tables["mut"].items()
        for sample, mutated in column.items()
    )
    return {
        "data_clinical_patient.txt": "PATIENT_ID\tCLAUDIN_SUBTYPE\n"
        + "".join(f"{patient}\t{label}\n" for patient, label in y.items()),
        "data_clinical_sample.txt": "SAMPLE_ID\tPATIENT_ID\n"
        + "".join(f"{patient}\t{patient}\n" for patient in X.index),
        "data_mrna_illumina_microarray.txt": matrix(tables["exp"]),
        "data_cna.txt": matrix(tables["cna"]),
        "data_mutations.txt": "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\n" + maf,
    }


def pack(files, top=STUDY, *members):
    """An archive of text files below a folder, and of further members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def archive():
    return pack(study_files())


class Server(ThreadingHTTPServer):
    """Serves archives by path, each request by the next of `answers`, then by the last."""

    def __init__(self, archive):
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive = archive
        self.answers = [whole]
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.requests.append(self.path)
        server.answers[min(len(server.requests), len(server.answers)) - 1](self, server.archive)

    def log_message(self, *_):
        pass


def send(request, body, status=200, length=None, **headers):
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    if length is not None:
        request.send_header("Content-Length", length)
    request.send_header("Connection", "close")
    request.end_headers()
    request.wfile.write(body)
    request.close_connection = True


def whole(request, body):
    send(request, body, length=len(body))


def broken_off(request, body):
    send(request, body[: len(body) // 2], length=len(body))


def broken_off_unannounced(request, body):
    send(request, body[: len(body) // 2])


def busy(request, body):
    send(request, b"busy", status=503, length=4)


def missing(request, body):
    send(request, b"none", status=404, length=4)


def web_page(request, body):
    send(request, b"<html>Log in first</html>", length=25, Content_Type="text/html")


def declared_as_encoded(request, body):
    send(request, body, length=len(body), Content_Encoding="x-gzip")


def redirected(request, body):
    if request.path.startswith("/moved"):
        whole(request, body)
    else:
        send(request, b"", status=302, length=0, Location=f"/moved{request.path}")


@pytest.fixture
def server(archive, monkeypatch):
    # pooch waits a second or two before it asks again.
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(archive) as running:
        thread = threading.Thread(target=running.serve_forever, args=[0.01])
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    def fetch(**options):
        return fetch_cbioportal(STUDY, data_home=tmp_path, base_url=server.url, **options)

    return fetch


@pytest.fixture
def kept(tmp_path):
    """Names of the files that are in data_home."""
    return lambda: sorted(path.name for path in (tmp_path / "cbioportal").iterdir())


@pytest.fixture
def unpacked(archive, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    return tmp_path / "unpacked" / STUDY


def assert_same(actual, expected):
    assert set(actual) == set(expected)
    pd.testing.assert_frame_equal(actual.data, expected.data)
    pd.testing.assert_series_equal(actual.target, expected.target)
    pd.testing.assert_frame_equal(actual.report, expected.report)
    np.testing.assert_array_equal(actual.target_names, expected.target_names)
    assert actual.feature_names == expected.feature_names
    assert actual.DESCR == expected.DESCR
    assert list(actual.modalities) == list(expected.modalities)
    for modality, columns in expected.modalities.items():
        np.testing.assert_array_equal(actual.modalities[modality], columns)


@pytest.mark.parametrize("modalities", [["exp", "cna", "mut"], ["mut", "exp"], ["cna"]])
@pytest.mark.parametrize("join", ["inner", "outer"])
def test_both_calls_return_what_read_cbioportal_does(fetch, server, unpacked, modalities, join):
    options = {"modalities": modalities, "join": join}
    expected = read_cbioportal(unpacked, **options)
    assert_same(fetch(**options), expected)
    assert_same(fetch(**options), expected)
    assert server.requests == [f"/{FILE}"]


def test_fetch_metabric_returns_all_modalities_and_subtypes(server, tmp_path):
    data = fetch_metabric(data_home=tmp_path, base_url=server.url)
    assert data.data.shape == (21, 3 + 2 + 1)
    assert list(data.modalities) == ["exp", "cna", "mut"]
    assert set(data.target) == set(SUBTYPES) - {"NC"}
    X, y = fetch_metabric(data_home=tmp_path, base_url=server.url, return_X_y=True)
    pd.testing.assert_frame_equal(X, data.data)
    pd.testing.assert_series_equal(y, data.target)


def test_metabric_survives_the_round_trip(data_dir, server, fetch, tmp_path):
    folder = tmp_path / STUDY
    folder.symlink_to(data_dir / "metabric")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1, dereference=True) as tar:
        tar.add(folder, STUDY)
    server.archive = buffer.getvalue()
    expected = read_cbioportal(folder, join="outer")
    assert_same(fetch(join="outer"), expected)
    assert_same(fetch(join="outer"), expected)


@pytest.fixture
def served_cohort(cohort, server, tmp_path, monkeypatch):
    """The simulated cohort as METABRIC, at the address that is asked when none is given."""
    X, y = cohort
    server.archive = pack(written_as_study(X, y))
    monkeypatch.setenv("XMODAL_CBIOPORTAL_URL", server.url)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return X, y


def test_a_cohort_that_was_written_as_a_study_comes_back(served_cohort):
    X, y = served_cohort
    for _ in range(2):
        fetched, classes = fetch_metabric(return_X_y=True)
        pd.testing.assert_frame_equal(fetched, X, check_dtype=False, check_names=False, rtol=1e-6)
        assert classes.to_dict() == y.to_dict()


@pytest.fixture
def quick_training(monkeypatch):
    """Networks that train in a second by default."""
    defaults = CrossModalAttentionClassifier.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "n_estimators", 1)
    monkeypatch.setitem(defaults, "max_epochs", 20)


def test_the_guide_s_example_runs(served_cohort):
    (example,) = re.findall(r"^X, y = .*fetch_metabric.*$", GUIDE.read_text(encoding="utf-8"), re.M)
    names = {"datasets": datasets}
    exec(example, names)
    assert len(names["X"]) == len(names["y"]) == 120


def test_bench_fetches_the_study_and_compares_all_models(
    served_cohort, quick_training, without_figures, server, tmp_path
):
    arguments = ["bench", "--study-id", STUDY, "--k", "10", "--folds", "2", "--jobs", "1"]
    arguments += ["--models", "nearest shrunken centroid", "--branches", "mlp"]
    arguments += ["--out", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    models = ("cross-modal attention", "nearest shrunken centroid, early", "dummy")
    for words in ("120 samples", *models, "macro-F1"):
        assert words in shown.output
    assert server.requests == [f"/{FILE}"]


def test_bench_names_the_study_that_is_not_available(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_CBIOPORTAL_URL", server.url)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    server.answers = [missing]
    shown = CliRunner().invoke(app, ["bench", "--study-id", "brca_x"], env={"COLUMNS": "400"})
    assert shown.exit_code == 2
    assert "brca_x.tar.gz" in shown.output


def test_the_second_call_neither_downloads_nor_parses(fetch, server, monkeypatch):
    first = fetch()
    server.answers = [missing]
    monkeypatch.setattr(_fetch, "read_cbioportal", None)
    assert_same(fetch(download_if_missing=False), first)


def test_a_read_only_folder_of_downloads_is_read(fetch, server, tmp_path, make_read_only):
    first = fetch()
    before = len(server.requests)
    make_read_only(tmp_path)
    assert_same(fetch(), first)
    with pytest.raises(OSError, match=f"Can't write to the folder {tmp_path}.*another folder"):
        fetch(modalities=["cna"])
    with pytest.raises(OSError, match=f"Can't create the folder {tmp_path}/new .*data_home="):
        fetch_cbioportal(STUDY, data_home=tmp_path / "new", base_url=server.url)
    with pytest.raises(OSError, match="Can't write to the folder"):
        fetch_cbioportal("another_study", data_home=tmp_path, base_url=server.url)
    assert len(server.requests) == before


def test_other_options_parse_the_existing_archive(fetch, server):
    assert list(fetch().modalities) == ["exp", "cna", "mut"]
    assert list(fetch(modalities=["cna", "mut"]).modalities) == ["cna", "mut"]
    assert len(fetch(join="outer").data) > len(fetch().data)
    assert fetch(target="PATIENT_ID").target.name == "PATIENT_ID"
    assert len(server.requests) == 1


def test_any_kind_of_map_is_accepted(fetch):
    merged = fetch(target_map=MappingProxyType({"LumB": "LumA", "Basal": None}))
    assert set(merged.target) == {"LumA", "Her2", "claudin-low"}
    log2 = MappingProxyType({"cna": "data_log2_cna.txt"})
    assert_same(fetch(profiles=log2), fetch(profiles=dict(log2)))


def test_the_tables_belong_to_the_caller(fetch):
    fetch()
    changed = fetch()
    changed.data.iloc[:, 0] = 0
    changed.data["mut__new"] = 1
    assert (fetch().data.iloc[:, 0] != 0).all()


def test_a_new_version_reads_again(fetch, kept, monkeypatch):
    fetch()
    before = kept()
    monkeypatch.setattr(_fetch, "__version__", "99")
    fetch()
    assert len(kept()) == len(before) + 1


def imported_modules(module):
    """Modules of the datasets and of names that a module imports, directly or through others."""
    modules, to_visit = set(), [module]
    while to_visit:
        current = to_visit.pop()
        modules.add(current)
        for node in ast.walk(ast.parse(inspect.getsource(current))):
            if isinstance(node, ast.ImportFrom) and node.level and node.module:
                parents = current.__name__.split(".")[: -node.level]
                name = ".".join([*parents, node.module])
                if ".datasets" in name or name.endswith("sklearn._text"):
                    to_visit += {import_module(name)} - modules
    return modules


def test_new_code_in_any_module_that_parses_reads_again():
    modules = {module.__file__ for module in imported_modules(_reader)}
    assert len(modules) > 6
    package = Path(xmodal_sklearn.__file__).parent
    hashed = {str(path) for pattern in _fetch.SOURCES for path in package.glob(pattern)}
    assert modules <= hashed


def cut(content):
    return content[: len(content) // 2]


def flip_a_bit(content):
    # Inside the values, which no format would miss.
    position = content.index(b"arr_1.npy") + 250
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize("damage", [cut, flip_a_bit, lambda content: b"", lambda content: b"PK"])
def test_damaged_tables_are_rebuilt(fetch, server, tmp_path, damage):
    first = fetch()
    (tables,) = (tmp_path / "cbioportal").glob("*.study")
    damaged = damage(tables.read_bytes())
    tables.write_bytes(damaged)
    with pytest.warns(UserWarning, match="Ignoring invalid cache entry"):
        assert_same(fetch(), first)
    assert len(server.requests) == 1
    assert tables.read_bytes() != damaged


def test_the_checksum_is_kept_as_sha256sum_reads_it(fetch, archive, tmp_path):
    fetch()
    record = (tmp_path / "cbioportal" / f"{FILE}.sha256").read_text()
    assert record == f"{hashlib.sha256(archive).hexdigest()}  {FILE}\n"


def test_an_archive_that_has_changed_raises(fetch, tmp_path):
    fetch()
    path = tmp_path / "cbioportal" / FILE
    path.write_bytes(pack(study_files() | {"new.txt": "new"}))
    with pytest.raises(ValueError, match=r"has changed since .*Delete it .* downloaded again"):
        fetch()
    path.unlink()
    fetch()


def test_an_archive_replaced_on_purpose_is_parsed_again(fetch, tmp_path):
    old = fetch()
    path = tmp_path / "cbioportal" / FILE
    files = study_files()
    files["data_clinical_patient.txt"] = files["data_clinical_patient.txt"].replace("Her2", "NC")
    path.write_bytes(pack(files))
    path.with_name(f"{FILE}.sha256").unlink()
    assert len(fetch().data) < len(old.data)


@pytest.mark.parametrize("answer", [broken_off, busy])
def test_a_broken_transfer_is_repeated(fetch, server, answer):
    server.answers = [answer, answer, whole]
    assert len(fetch().data) == 21
    assert len(server.requests) == 3


def test_a_failed_download_leaves_no_file(fetch, server, kept, tmp_path):
    server.answers = [broken_off]
    with pytest.raises(OSError, match=FILE) as error:
        fetch()
    assert str(tmp_path / "cbioportal" / FILE) in str(error.value)
    assert kept() == []
    server.answers = [whole]
    assert len(fetch().data) == 21


def test_a_short_file_is_noticed_where_the_client_library_does_not(fetch, server, monkeypatch):
    original = HTTPResponse.__init__

    def lenient(self, *arguments, **options):
        original(self, *arguments, **options | {"enforce_content_length": False})

    monkeypatch.setattr(HTTPResponse, "__init__", lenient)
    server.answers = [broken_off]
    size = len(server.archive)
    with pytest.raises(ValueError, match=f"broke off after {size // 2} of {size} bytes"):
        fetch()
    assert len(server.requests) == 3


def half_then_nothing(request, body):
    request.send_response(200)
    request.send_header("Content-Length", len(body))
    request.end_headers()
    request.wfile.write(body[: len(body) // 2])
    request.server.half_sent.set()
    request.server.stopped.wait(60)


def test_a_process_killed_while_downloading_leaves_no_partial_file(fetch, server, kept, tmp_path):
    server.answers = [half_then_nothing, whole]
    server.half_sent, server.stopped = threading.Event(), threading.Event()
    code = "import sys; from xmodal_sklearn.datasets import fetch_cbioportal as fetch; "
    code += "fetch(sys.argv[1], data_home=sys.argv[2], base_url=sys.argv[3])"
    process = subprocess.Popen([sys.executable, "-c", code, STUDY, str(tmp_path), server.url])
    folder = tmp_path / "cbioportal"
    assert server.half_sent.wait(60)
    process.kill()
    process.wait()
    server.stopped.set()
    (leftover,) = kept()
    assert leftover.startswith("incomplete-")
    assert list((folder / leftover).glob("tmp*"))
    assert len(fetch().data) == 21
    # Another process may still be at work there, until so long ago that none can be.
    assert leftover in kept()
    os.utime(folder / leftover, (0, 0))
    fetch()
    assert leftover not in kept()


def test_what_a_process_killed_while_it_writes_left_behind_is_removed_later(fetch, kept, tmp_path):
    fetch()
    folder, before = tmp_path / "cbioportal", kept()
    others = [folder / ".keep", folder / ".notes.1-2"]
    others[0].touch()
    others[1].mkdir()
    leftovers = []
    for name in before:
        with atomic_write(folder / name) as scratch:
            scratch.write_bytes((folder / name).read_bytes())
        scratch.touch()
        leftovers.append(scratch)
    fetch()
    assert all(path.is_file() for path in leftovers)
    for path in [*leftovers, *others]:
        os.utime(path, (0, 0))
    fetch()
    assert kept() == sorted([*before, *(path.name for path in others)])


def test_two_processes_may_fetch_at_once(fetch, server, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        studies = list(pool.map(lambda _: fetch(), range(4)))
    for study in studies:
        assert_same(study, studies[0])
    assert not list((tmp_path / "cbioportal").glob("incomplete-*"))


@pytest.mark.parametrize("answer", [broken_off_unannounced, web_page])
def test_bytes_that_are_not_an_archive_raise(fetch, server, kept, answer):
    server.answers = [answer]
    with pytest.raises(ValueError, match=f"{FILE} is not an intact tar.gz archive"):
        fetch()
    assert kept() == []


def test_a_wrong_bit_inside_the_archive_raises(fetch, server, archive, kept):
    # Stored, not compressed, so that only the checksum of gzip reveals it.
    plain = gzip.decompress(archive)
    stored = bytearray(gzip.compress(plain, compresslevel=0))
    stored[stored.index(b"LumA")] ^= 1
    server.archive = bytes(stored)
    with pytest.raises(ValueError, match="not an intact"):
        fetch()
    assert kept() == []


def test_a_missing_study_is_asked_for_once(fetch, server, kept):
    server.answers = [missing]
    with pytest.raises(OSError, match=rf"{server.url}/{FILE}: the server answers 404"):
        fetch()
    assert len(server.requests) == 1
    assert kept() == []


def test_an_absent_server_is_an_error_with_a_remedy(server, tmp_path):
    with pytest.raises(OSError, match=r"save it as .*or specify a mirror"):
        fetch_cbioportal(STUDY, data_home=tmp_path, base_url="http://127.0.0.1:1")


def test_redirects_are_followed(fetch, server):
    server.answers = [redirected]
    assert len(fetch().data) == 21
    assert server.requests == [f"/{FILE}", f"/moved/{FILE}"]


def test_a_file_declared_as_encoded_is_not_decompressed(fetch, server, archive):
    server.answers = [declared_as_encoded]
    assert len(fetch(known_hash=hashlib.sha256(archive).hexdigest()).data) == 21


def test_a_known_hash_is_compared(fetch, server, archive, kept):
    with pytest.raises(ValueError, match="does not match the known hash"):
        fetch(known_hash="0" * 64)
    assert kept() == []
    fetch(known_hash="md5:" + hashlib.md5(archive).hexdigest())
    fetch(known_hash=hashlib.sha256(archive).hexdigest().upper())
    with pytest.raises(ValueError, match=r"sha256 checksum .*, not known_hash="):
        fetch(known_hash="0" * 64)


def hostile(name, kind=tarfile.REGTYPE, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    member.size = 5 if kind == tarfile.REGTYPE else 0
    return member


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (hostile("../escaped"), "not inside the folder"),
        (hostile(f"{STUDY}/../../escaped"), "not inside the folder"),
        (hostile("/tmp/xmodal-escaped"), "not inside the folder"),
        (hostile("elsewhere/data_cna.txt"), "not inside the folder"),
        (hostile(f"{STUDY}/link", tarfile.SYMTYPE, "/etc/passwd"), "is a link to '/etc/passwd'"),
        (hostile(f"{STUDY}/link", tarfile.SYMTYPE, "meta_study.txt"), "is a link to"),
        (hostile(f"{STUDY}/link", tarfile.LNKTYPE, f"{STUDY}/meta_study.txt"), "is a link to"),
        (hostile(f"{STUDY}/device", tarfile.CHRTYPE), "neither a file nor a folder"),
        (hostile(f"{STUDY}/device", tarfile.BLKTYPE), "neither a file nor a folder"),
        (hostile(f"{STUDY}/pipe", tarfile.FIFOTYPE), "neither a file nor a folder"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else None,
)
def test_a_hostile_archive_raises_by_the_name_of_its_member(
    fetch, server, kept, tmp_path, member, problem
):
    server.archive = pack(study_files(), STUDY, member)
    with pytest.raises(ValueError, match=problem) as error:
        fetch()
    assert repr(member.name) in str(error.value)
    assert kept() == []
    assert [path.name for path in tmp_path.iterdir()] == ["cbioportal"]


@pytest.mark.parametrize("files", [study_files(), {}])
def test_an_archive_of_another_study_raises(fetch, server, kept, files):
    server.archive = pack(files, top="brca_tcga")
    with pytest.raises(ValueError, match=STUDY):
        fetch()
    assert kept() == []


def test_a_study_without_a_file_is_an_error_that_names_it(fetch, server):
    files = study_files()
    del files["data_log2_cna.txt"]
    server.archive = pack(files)
    with pytest.raises(FileNotFoundError, match=r"data_log2_cna\.txt"):
        fetch()
    assert list(fetch(modalities=["exp", "mut"]).modalities) == ["exp", "mut"]
    assert len(server.requests) == 1


def test_without_a_download_the_error_explains_the_manual_download(server, tmp_path, archive):
    path = tmp_path / "cbioportal" / FILE
    with pytest.raises(FileNotFoundError, match="download_if_missing is False") as error:
        fetch_metabric(data_home=tmp_path, download_if_missing=False)
    assert str(path) in str(error.value)
    assert f"https://datahub.assets.cbioportal.org/{FILE}" in str(error.value)
    path.write_bytes(archive)
    assert len(fetch_metabric(data_home=tmp_path, download_if_missing=False).data) == 21
    assert server.requests == []


def test_a_damaged_archive_put_there_by_hand_raises(tmp_path, archive):
    path = tmp_path / "cbioportal" / FILE
    path.parent.mkdir()
    path.write_bytes(archive[:-20])
    with pytest.raises(ValueError, match=r"not an intact .* delete it there"):
        fetch_metabric(data_home=tmp_path, download_if_missing=False)


def test_the_mirror_may_be_an_environment_variable(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_CBIOPORTAL_URL", f"{server.url}/mirror/")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    assert len(fetch_metabric().data) == 21
    assert server.requests == [f"/mirror/{FILE}"]
    assert (tmp_path / "cbioportal" / FILE).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"study_id": "../brca_metabric"}, "study_id must be"),
        ({"study_id": ""}, "study_id must be"),
        ({"base_url": "ftp://example.org"}, "must begin with http"),
        ({"modalities": ["protein"]}, "modalities must be"),
        ({"join": "left"}, "join must be"),
        ({"target": None}, "target"),
        ({"target_map": {"LumA": 3}}, "'LumA' to a label, or to None"),
        ({"target_map": {1: "LumA", "LumB": None}}, "which are strings, got 1"),
        ({"profiles": {"exp": ""}}, "profiles must map"),
        ({"download_if_missing": "no"}, "download_if_missing"),
    ],
)
def test_wrong_arguments_raise_before_any_download(server, tmp_path, arguments, message):
    options = {"study_id": STUDY, "data_home": tmp_path, "base_url": server.url} | arguments
    with pytest.raises(ValueError, match=message):
        fetch_cbioportal(**options)
    assert server.requests == []
