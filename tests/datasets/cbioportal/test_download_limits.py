"""Servers and archives that are too slow, too large, or name what they should not."""

import contextlib
import gzip
import io
import logging
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from xmodal_sklearn.datasets import fetch_cbioportal
from xmodal_sklearn.datasets.cbioportal import _archive
from xmodal_sklearn.datasets.cbioportal._archive import download, resolve_base_url, unpack

NAME = "study.tar.gz"
CONTENT = np.random.default_rng(0).bytes(200_000)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.headers.get("Range"), self.headers.get("Authorization")))
        self.close_connection = True
        # Whoever asked may have given up.
        with contextlib.suppress(OSError):
            self.server.answer(self)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads, running.seen, running.answer = True, [], whole
        running.stopped = threading.Event()
        thread = threading.Thread(target=running.serve_forever, args=[0.01])
        thread.start()
        yield running
        running.stopped.set()
        running.shutdown()
        thread.join()


def head(request, status=200, **headers):
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()


def whole(request):
    wanted = request.headers.get("Range")
    start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
    content_range = (
        {"Content_Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"} if start else {}
    )
    rest = CONTENT[start:]
    head(request, 206 if start else 200, Content_Length=len(rest), **content_range)
    request.wfile.write(rest)


def whole_whatever_is_asked(request):
    head(request, Content_Length=len(CONTENT))
    request.wfile.write(CONTENT)


def trickling(request):
    head(request, Content_Length=len(CONTENT))
    request.wfile.write(CONTENT[:70_000])
    for place in range(70_000, len(CONTENT)):
        request.wfile.write(CONTENT[place : place + 1])
        if request.server.stopped.wait(0.02):
            return


def never_ending(request):
    head(request)
    while not request.server.stopped.is_set():
        request.wfile.write(CONTENT)


def broken_off(request):
    head(request, Content_Length=len(CONTENT), Accept_Ranges="bytes")
    request.wfile.write(CONTENT[:90_000])


def other_file(request):
    head(request, 416, Content_Length=0)


def get(server, folder, user=""):
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    url = f"http://{user}127.0.0.1:{server.server_port}/{NAME}"
    return download(url, scratch, folder / NAME, None)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(_archive, "SLOWEST_SECONDS", 0.3)
    monkeypatch.setattr(_archive, "SLOWEST_BYTES", 80_000)


@pytest.mark.parametrize("then", [whole, whole_whatever_is_asked])
def test_a_slow_download_is_aborted_and_resumed(server, tmp_path, impatient, then):
    server.answer = trickling
    began = time.monotonic()
    with pytest.raises(OSError, match="are kept, and the next call continues from there"):
        get(server, tmp_path)
    assert time.monotonic() - began < 10
    assert len(server.seen) == 1
    kept = (tmp_path / f".{NAME}.part").read_bytes()
    assert len(kept) >= 70_000
    assert CONTENT.startswith(kept)
    server.answer = then
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.seen[1][0] == f"bytes={len(kept)}-"
    assert not (tmp_path / f".{NAME}.part").exists()


def test_a_server_that_never_ends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setitem(_archive.LIMITS, "download", (3e6, "bytes to download"))
    server.answer = never_ending
    with pytest.raises(OSError, match=r"limit of 3,000,000 bytes .*XMODAL_LIMIT_FACTOR"):
        get(server, tmp_path)
    assert len(server.seen) == 1
    assert (tmp_path / f".{NAME}.part").stat().st_size < 6e6


def test_a_file_announced_as_too_large_is_not_downloaded(server, tmp_path, monkeypatch):
    monkeypatch.setitem(_archive.LIMITS, "download", (1e5, "bytes to download"))
    with pytest.raises(OSError, match=r"the file has 200,000, more than the limit of 100,000"):
        get(server, tmp_path)
    monkeypatch.setenv("XMODAL_LIMIT_FACTOR", "2")
    assert get(server, tmp_path).read_bytes() == CONTENT
    for wrong in ("0", "-1", "many", "nan", "inf"):
        monkeypatch.setenv("XMODAL_LIMIT_FACTOR", wrong)
        with pytest.raises(ValueError, match="XMODAL_LIMIT_FACTOR must be a positive number"):
            _archive.check_limit("total", 0, "")


def test_an_interrupted_download_resumes(server, tmp_path):
    answers = iter([broken_off, whole])
    server.answer = lambda request: next(answers)(request)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [wanted for wanted, _ in server.seen] == [None, "bytes=90000-"]


def test_padding_after_the_file_is_ignored(server, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(b"x" * 300_000)
    answers = iter([other_file, whole])
    server.answer = lambda request: next(answers)(request)
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_two_processes_do_not_share_what_is_kept(server, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT[:1000])
    folders = [tmp_path / "a", tmp_path / "b"]
    downloaded = []

    def run(folder):
        folder.mkdir()
        url = f"http://127.0.0.1:{server.server_port}/{NAME}"
        downloaded.append(download(url, folder, tmp_path / NAME, None).read_bytes())

    threads = [threading.Thread(target=run, args=[folder]) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert downloaded == [CONTENT, CONTENT]
    assert sorted(str(wanted) for wanted, _ in server.seen) == ["None", "bytes=1000-"]


def test_a_password_is_sent_but_never_shown(server, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    assert get(server, tmp_path, "user:s%40cret@").read_bytes() == CONTENT
    assert server.seen[0][1].startswith("Basic ")
    server.answer = lambda request: head(request, 404, Content_Length=0)
    (tmp_path / "again").mkdir()
    with pytest.raises(OSError, match="404") as caught:
        get(server, tmp_path / "again", "u:s%40cret@")
    shown = capfd.readouterr()
    for text in (str(caught.value), str(caught.value.__cause__), caplog.text, *shown):
        assert "s%40cret" not in text
        assert "s@cret" not in text


@pytest.mark.parametrize(
    "address",
    ["http://", "https:///x", "http://a:port", "http://[::1", "http://a b", "ftp://u:secret@h",
     "http://u:secret@:80", "http://h:99999999", "http://a\nb"],
)  # fmt: skip
def test_a_bad_address_raises_at_once_without_its_password(address):
    with pytest.raises(ValueError, match="base_url, or XMODAL_CBIOPORTAL_URL") as caught:
        resolve_base_url(address)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown_where_nothing_is_downloaded(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        fetch_cbioportal(
            "study", data_home=tmp_path, download_if_missing=False, base_url="https://u:secret@h"
        )
    assert "secret" not in str(caught.value)


def pack(sizes):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for number, size in enumerate(sizes):
            member = tarfile.TarInfo(f"study/file{number}")
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "most", "message"),
    [
        ("members", 2, r"study\.tar\.gz holds 3, more than the limit of 2 files"),
        ("member", 5_000, r"'study/file2' in study\.tar\.gz has 9,000, more than .* 5,000"),
        ("total", 12_000, r"unpacked, study\.tar\.gz has .*more than the limit of 12,000"),
        ("ratio", 20, "limit of 20 bytes for each of its own"),
    ],
)
def test_an_archive_above_a_limit_raises(tmp_path, monkeypatch, name, most, message):
    (tmp_path / NAME).write_bytes(pack([1_000, 2_000, 9_000]))
    assert unpack(tmp_path / NAME, tmp_path / "whole").is_dir()
    monkeypatch.setattr(_archive, "UNCHECKED_BYTES", 0)
    monkeypatch.setitem(_archive.LIMITS, name, (most, _archive.LIMITS[name][1]))
    with pytest.raises(OSError, match=message) as caught:
        unpack(tmp_path / NAME, tmp_path / "part")
    assert "XMODAL_LIMIT_FACTOR" in str(caught.value)
    monkeypatch.setenv("XMODAL_LIMIT_FACTOR", "1000")
    assert unpack(tmp_path / NAME, tmp_path / "again").is_dir()


def test_a_header_that_expands_raises_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, "UNCHECKED_BYTES", 10**6)
    header = tarfile.TarInfo("study/pax")
    header.type, header.size = tarfile.XHDTYPE, 10**7
    with gzip.open(tmp_path / NAME, "wb") as file:
        file.write(header.tobuf())
        for _ in range(10):
            file.write(bytes(10**6))
    with pytest.raises(OSError, match="for each of its own"):
        unpack(tmp_path / NAME, tmp_path)
