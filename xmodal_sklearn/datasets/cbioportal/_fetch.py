"""Downloading a study from cBioPortal, and keeping its tables for the next call."""

import gzip
import hashlib
import inspect
import json
import os
import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ..._files import atomic_write
from ..._version import __version__
from ...modalities._columns import resolve_modalities
from . import _clinical, _gene_panels, _molecular, _profiles, _reader, _text_files
from ._reader import read_cbioportal

__all__ = ["fetch_cbioportal", "fetch_metabric"]

BASE_URL = "https://datahub.assets.cbioportal.org"
BASE_URL_VARIABLE = "XMODAL_CBIOPORTAL_URL"
READER = _reader, _clinical, _gene_panels, _molecular, _profiles, _text_files
REPEATS = 2
CHUNK = 2**20
INCOMPLETE = "incomplete-"
LONGEST_DOWNLOAD = 24 * 3600


@validate_params(
    {
        "study_id": [str],
        "target": [str],
        "target_map": [Mapping, None],
        "profiles": [Mapping, None],
        "data_home": [str, os.PathLike, None],
        "download_if_missing": ["boolean"],
        "base_url": [str, None],
        "known_hash": [str, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_cbioportal(
    study_id: str,
    *,
    modalities: Sequence[str] = ("exp", "cna", "mut"),
    target: str = "CLAUDIN_SUBTYPE",
    target_map: Mapping[str, str | None] | None = None,
    join: str = "inner",
    profiles: Mapping[str, str] | None = None,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    base_url: str | None = None,
    known_hash: str | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    r"""Download a study of cBioPortal and read it.

    The first call downloads the study's archive and parses it; later calls with the same
    arguments read the parsed tables from the disk, within seconds.

    Parameters
    ----------
    study_id : str
        Identifier of the study, ``"brca_tcga_pan_can_atlas_2018"`` for example, as in the
        address of its page on https://www.cbioportal.org/datasets.
    modalities : sequence of {"exp", "cna", "mut"}, default=("exp", "cna", "mut")
        As in :func:`read_cbioportal`.
    target : str, default="CLAUDIN_SUBTYPE"
        As in :func:`read_cbioportal`. TCGA's studies call it ``"SUBTYPE"``.
    target_map : dict of str to (str or None), default=None
        As in :func:`read_cbioportal`.
    join : {"inner", "outer"}, default="inner"
        As in :func:`read_cbioportal`.
    profiles : dict of str to str, default=None
        As in :func:`read_cbioportal`.
    data_home : str or path-like, default=None
        Where archives and tables are kept, in the folder ``cbioportal``. None is scikit-learn's
        folder, see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Download the archive if it is not in `data_home`, else raise an error that says what to
        download and where to put it.
    base_url : str, default=None
        Address of the folder that holds ``<study_id>.tar.gz``, for mirrors. None is the
        environment variable ``XMODAL_CBIOPORTAL_URL``, or where that is not set
        ``https://datahub.assets.cbioportal.org``.
    known_hash : str, default=None
        SHA-256 checksum that the archive must have, or another one as ``"md5:…"``. cBioPortal
        publishes none.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or (DataFrame, Series)
        What :func:`read_cbioportal` returns, or its ``(data, target)``.

    Raises
    ------
    FileNotFoundError
        If the archive is not there and must not be downloaded, or lacks a file.
    OSError
        If the download fails.
    ValueError
        If an argument is not allowed; if the archive has another checksum than it must have, is
        damaged, or holds a link, a device or a path outside its study folder; or if a file of the
        study is malformed.

    See Also
    --------
    fetch_metabric : The same for METABRIC.
    read_cbioportal : Reads a study folder that is there already.

    Notes
    -----
    A transfer that breaks off is repeated twice. The archive is put into `data_home` only after
    it came in the size that the server announced, had the `known_hash` and could be unpacked to
    its end. Its SHA-256 checksum is kept beside it and compared at every call.

    The tables are kept in a file per choice of modalities, target and join, whose name depends on
    the archive's contents and on the code that parsed it. All ``.npz`` files may be deleted at
    any time.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import fetch_cbioportal
    >>> tcga = fetch_cbioportal(
    ...     "brca_tcga_pan_can_atlas_2018", target="SUBTYPE"
    ... )  # doctest: +SKIP

    Without a connection, the archive may be put into `data_home` by hand:

    >>> import tarfile
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> files = {
    ...     "data_clinical_sample.txt": "SAMPLE_ID\tPATIENT_ID\tSUBTYPE\nS1\tP1\tLumA\n",
    ...     "data_cna.txt": "Hugo_Symbol\tS1\nERBB2\t2\nMYC\t-1\n",
    ... }
    >>> with TemporaryDirectory() as data_home:
    ...     study = Path(data_home, "my_study")
    ...     study.mkdir()
    ...     for name, text in files.items():
    ...         _ = (study / name).write_text(text)
    ...     archive = Path(data_home, "cbioportal", "my_study.tar.gz")
    ...     archive.parent.mkdir()
    ...     with tarfile.open(archive, "w:gz") as tar:
    ...         tar.add(study, arcname="my_study")
    ...     X, y = fetch_cbioportal(
    ...         "my_study",
    ...         modalities=["cna"],
    ...         target="SUBTYPE",
    ...         data_home=data_home,
    ...         download_if_missing=False,
    ...         return_X_y=True,
    ...     )
    >>> X.T
    PATIENT_ID   P1
    cna__ERBB2  2.0
    cna__MYC   -1.0
    """
    # Imported here because it takes a fifth of a second.
    from sklearn.datasets import get_data_home

    # Before a long download, not after it.
    modalities = _reader.check_arguments(modalities, join, profiles, target_map)
    if not re.fullmatch(r"\w[\w.-]*", study_id):
        raise ValueError(
            f'study_id must be the name of a study, like "brca_metabric", got {study_id!r}.'
        )
    options = {
        "modalities": modalities,
        "target": target,
        "target_map": None if target_map is None else dict(target_map),
        "join": join,
        "profiles": None if profiles is None else dict(profiles),
    }
    folder = Path(get_data_home(data_home), "cbioportal").absolute()
    folder.mkdir(exist_ok=True)
    _remove_leftovers(folder)
    archive = folder / f"{study_id}.tar.gz"
    url = f"{_base_url(base_url)}/{archive.name}"
    study = None
    if archive.is_file():
        _check_unchanged(archive, known_hash)
        study = _load(_cache_path(archive, options))
    elif not download_if_missing:
        raise FileNotFoundError(
            f"There is no {archive}, and download_if_missing is False. {_by_hand(url, archive)}"
        )
    if study is None:
        study = _read(archive, url, known_hash, options)
    return (study.data, study.target) if return_X_y else study


def fetch_metabric(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    base_url: str | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    """Download METABRIC, about 1,980 breast tumours, from cBioPortal and read it.

    Expression, copy number and mutations of the tumours that have all three [1]_ [2]_, and their
    PAM50 subtypes with claudin-low: cBioPortal's study ``brca_metabric``. The first call downloads
    and parses it, later ones take seconds.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Where archive and tables are kept, in the folder ``cbioportal``. None is scikit-learn's
        folder, see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Download the archive if it is not in `data_home`, else raise an error that says what to
        download and where to put it.
    base_url : str, default=None
        Address of the folder that holds ``brca_metabric.tar.gz``, for mirrors. None is the
        environment variable ``XMODAL_CBIOPORTAL_URL``, or where that is not set
        ``https://datahub.assets.cbioportal.org``.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or (DataFrame, Series)
        What :func:`read_cbioportal` returns, or its ``(data, target)``.

    Raises
    ------
    FileNotFoundError
        If the archive is not there and must not be downloaded.
    OSError
        If the download fails.
    ValueError
        If the archive has changed since it was downloaded, is damaged or unsafe.

    See Also
    --------
    fetch_cbioportal : Any study, other classes, other modalities.
    make_multiomics : Simulates a cohort in the same form, without a download.

    References
    ----------
    .. [1] Curtis, C., et al. (2012). The genomic and transcriptomic architecture of 2,000 breast
       tumours reveals novel subgroups. Nature, 486, 346-352.
    .. [2] Pereira, B., et al. (2016). The somatic mutation profiles of 2,433 breast cancers refine
       their genomic and transcriptomic landscapes. Nature Communications, 7, 11479.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import fetch_metabric
    >>> X, y = fetch_metabric(return_X_y=True)  # doctest: +SKIP
    """
    return fetch_cbioportal(
        "brca_metabric",
        data_home=data_home,
        download_if_missing=download_if_missing,
        base_url=base_url,
        return_X_y=return_X_y,
    )


def _base_url(base_url: str | None) -> str:
    base_url = base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(
            f"base_url, or {BASE_URL_VARIABLE}, must begin with http:// or https://, "
            f"got {base_url!r}."
        )
    return base_url.rstrip("/")


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left behind; not what others may be writing."""
    for path in folder.glob(f"{INCOMPLETE}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LONGEST_DOWNLOAD:
                shutil.rmtree(path)


def _by_hand(url: str, archive: Path) -> str:
    return (
        f"Download {url} yourself and save it as {archive}, or name a mirror by base_url or by "
        f"the environment variable {BASE_URL_VARIABLE}."
    )


def _read(archive: Path, url: str, known_hash: str | None, options: dict[str, Any]) -> Bunch:
    """Parse the archive, downloading it if need be, and keep the tables."""
    with TemporaryDirectory(dir=archive.parent, prefix=INCOMPLETE) as name:
        scratch = Path(name)
        if archive.is_file():
            study_dir = _unpack(archive, scratch)
        else:
            downloaded = _download(url, scratch, archive, known_hash)
            study_dir = _unpack(downloaded, scratch)
            _record(archive, _checksum(downloaded))
            downloaded.replace(archive)
        study = read_cbioportal(study_dir, **options)
    _save(study, _cache_path(archive, options))
    return study


def _download(url: str, folder: Path, archive: Path, known_hash: str | None) -> Path:
    """Download into a folder; `archive` is the place that the error message names."""
    import pooch

    source = pooch.create(
        path=folder,
        base_url=url.removesuffix(archive.name),
        registry={archive.name: known_hash},
        retry_if_failed=REPEATS,
    )
    try:
        return Path(source.fetch(archive.name, downloader=_download_once))
    except OSError as error:
        raise OSError(f"Can't download {url}: {error}. {_by_hand(url, archive)}") from error


def _download_once(url: str, path: str, source: Any) -> None:
    """Download a file whole, as pooch's downloaders do; pooch repeats after a ValueError."""
    import pooch

    announced: list[str | None] = []

    def inspect_response(response: Any, **_: Any) -> None:
        # Not an error of requests, after which pooch would ask again for what is not there.
        if 400 <= response.status_code < 500:
            raise FileNotFoundError(
                f"the server answers {response.status_code} {response.reason}; is that the name "
                "of a study?"
            )
        # Some servers say that a .tar.gz file is encoded. It would be decompressed on its way.
        response.raw.headers.pop("Content-Encoding", None)
        announced.append(response.headers.get("Content-Length"))

    download = pooch.HTTPDownloader(
        progressbar=True, chunk_size=CHUNK, hooks={"response": inspect_response}
    )
    download(url, path, source)
    size = Path(path).stat().st_size
    if announced[-1] is not None and size != int(announced[-1]):
        raise ValueError(f"{url} broke off after {size} of {announced[-1]} bytes.")


def _checksum(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _record_path(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


def _record(archive: Path, sha256: str) -> None:
    with atomic_write(_record_path(archive)) as path:
        # In the form that `sha256sum --check` reads.
        path.write_text(f"{sha256}  {archive.name}\n", encoding="ascii")


def _recorded(archive: Path) -> str:
    return _record_path(archive).read_text(encoding="utf-8").partition(" ")[0]


def _check_unchanged(archive: Path, known_hash: str | None) -> None:
    """Compare the archive with its record; make the record of one that was put there by hand."""
    sha256 = _checksum(archive)
    if not _record_path(archive).is_file():
        _record(archive, sha256)
    if _recorded(archive) != sha256:
        raise ValueError(
            f"{archive} has changed since its checksum was recorded. Delete it to have it "
            f"downloaded again, or delete {_record_path(archive)} if you replaced it on purpose."
        )
    if known_hash is None:
        return
    algorithm = known_hash.rpartition(":")[0] or "sha256"
    found = _checksum(archive, algorithm)
    if found != known_hash.rpartition(":")[2].lower():
        raise ValueError(
            f"{archive} has the {algorithm} checksum {found}, not known_hash={known_hash!r}. "
            "Delete it to have it downloaded again, or correct known_hash."
        )


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive that holds nothing but files in a folder of its own name."""
    study_id = archive.name.removesuffix(".tar.gz")
    try:
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                _check_member(member, study_id, archive.name)
                tar.extract(member, folder, filter="data")
            # The checksum of gzip stands at its end, behind what tarfile reads.
            while stream.read(CHUNK):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{archive.name} is not an intact tar.gz archive: {error}. Nothing of it was used; "
            "if it was put into data_home by hand, delete it there."
        ) from error
    if not (folder / study_id).is_dir():
        raise ValueError(f"{archive.name} holds no folder {study_id!r}.")
    return folder / study_id


def _check_member(member: tarfile.TarInfo, study_id: str, archive: str) -> None:
    parts = PurePosixPath(member.name).parts
    if parts[:1] != (study_id,) or ".." in parts:
        problem = f"is not inside the folder {study_id!r}"
    elif member.issym() or member.islnk():
        problem = f"is a link to {member.linkname!r}"
    elif not (member.isfile() or member.isdir()):
        problem = "is neither a file nor a folder"
    else:
        return
    raise ValueError(
        f"{archive} is not safe to unpack: {member.name!r} {problem}. Nothing of it was used; get "
        "it from cBioPortal or from a mirror that you trust."
    )


def _cache_path(archive: Path, options: dict[str, Any]) -> Path:
    # The code of the reader too, because the version stays the same while it is developed.
    key = [_recorded(archive), __version__, [inspect.getsource(m) for m in READER], options]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return archive.with_name(f"{archive.name.removesuffix('.tar.gz')}-{digest[:16]}.npz")


def _save(study: Bunch, path: Path) -> None:
    """Write a study as arrays, a block of values for each run of columns of one type."""
    runs = groupby(range(study.data.shape[1]), key=study.data.dtypes.tolist().__getitem__)
    arrays: dict[str, Any] = {
        f"block{number}": study.data.iloc[:, list(run)].to_numpy()
        for number, (_, run) in enumerate(runs)
    }
    texts = {
        "columns": study.feature_names,
        "patients": study.data.index,
        "target": study.target,
        "names": [study.data.index.name, study.target.name],
        "modalities": list(study.profiles),
        "profiles": list(study.profiles.values()),
        "where": study.report["where"],
        "what": study.report["what"],
        "DESCR": study.DESCR,
    }
    arrays |= {name: np.array(text, dtype=str) for name, text in texts.items()}
    with atomic_write(path) as scratch, scratch.open("wb") as file:
        np.savez(file, count=study.report["count"].to_numpy(dtype=int), **arrays)


def _load(path: Path) -> Bunch | None:
    """Read what `_save` wrote; None where that is missing or damaged, so that it is made anew."""
    try:
        with np.load(path, allow_pickle=False) as file:
            blocks = [file[name] for name in file if name.startswith("block")]
            lists = {name: file[name].tolist() for name in file if not name.startswith("block")}
    # A damaged file raises whatever its bytes lead to, in zipfile, zlib or NumPy.
    except Exception:
        return None
    index_name, target_name = lists["names"]
    index = pd.Index(lists["patients"], name=index_name)
    ends = np.cumsum([block.shape[1] for block in blocks])
    data = pd.concat(
        [
            pd.DataFrame(block, index, lists["columns"][end - block.shape[1] : end], copy=False)
            for block, end in zip(blocks, ends, strict=True)
        ],
        axis=1,
    )
    target = np.array(lists["target"], dtype=object)
    return Bunch(
        data=data,
        target=pd.Series(target, index, name=target_name, dtype=object),
        target_names=np.unique(target),
        feature_names=lists["columns"],
        modalities=resolve_modalities(data, None),
        profiles=dict(zip(lists["modalities"], lists["profiles"], strict=True)),
        report=pd.DataFrame(
            list(zip(lists["where"], lists["what"], lists["count"], strict=True)),
            columns=["where", "what", "count"],
        ),
        DESCR=lists["DESCR"],
    )
