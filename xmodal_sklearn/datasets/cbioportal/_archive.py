"""Download, check and unpack a study's archive, within limits of time and size."""

import contextlib
import gzip
import hashlib
import io
import os
import re
import tarfile
import time
import zlib
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..._files import atomic_write, check_writable
from ..._progress import progress_bar

BASE_URL = "https://datahub.assets.cbioportal.org"
BASE_URL_VARIABLE = "XMODAL_CBIOPORTAL_URL"
CHUNK_BYTES = 2**20
# To connect, and without a byte.
TIMEOUT_SECONDS = (10, 60)
# A transfer of fewer bytes in so many seconds is aborted.
SLOWEST_SECONDS = 60
SLOWEST_BYTES = 2**19
FACTOR_VARIABLE = "XMODAL_LIMIT_FACTOR"
# Ten times the largest study of cBioPortal.
LIMITS = {
    "download": (16e9, "bytes to download"),
    "members": (10_000, "files in an archive"),
    "member": (32e9, "bytes of a file in an archive"),
    "total": (64e9, "bytes of an archive, unpacked"),
    "ratio": (300, "bytes for each of its own"),
}
# A small archive may expand as it likes.
UNCHECKED_BYTES = 2**28


def check_limit(name: str, value: float, what: str) -> None:
    """Raise an OSError if a value is above one of the LIMITS; `what` begins its sentence."""
    most, unit = LIMITS[name]
    text = os.environ.get(FACTOR_VARIABLE) or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 0 < factor < float("inf"):
        raise ValueError(f"{FACTOR_VARIABLE} must be a positive number, got {text!r}.")
    if value > most * factor:
        raise OSError(
            f"{what} {value:,.0f}, more than the limit of {most * factor:,.0f} {unit}. If that is "
            f"right, raise the limits with the environment variable {FACTOR_VARIABLE}: 10 allows "
            "ten times as much"
        )


def compute_checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def write_checksum(archive: Path, sha256: str) -> None:
    """Write the checksum of an archive into a file beside it."""
    check_writable(archive.parent)
    with atomic_write(_checksum_path(archive)) as path:
        # In the form that `sha256sum --check` reads.
        path.write_text(f"{sha256}  {archive.name}\n", encoding="ascii")


def read_checksum(archive: Path) -> str:
    """Return the checksum that was recorded for an archive."""
    return _checksum_path(archive).read_text(encoding="utf-8").partition(" ")[0]


def check_unchanged(archive: Path, known_hash: str | None) -> None:
    """Check the checksum of an archive against its record, which is made if there is none."""
    sha256 = compute_checksum(archive)
    if not _checksum_path(archive).is_file():
        write_checksum(archive, sha256)
    if read_checksum(archive) != sha256:
        raise ValueError(
            f"{archive} has changed since its checksum was recorded. Delete it to have it "
            f"downloaded again, or delete {_checksum_path(archive)} if you replaced it on purpose."
        )
    if known_hash is None:
        return
    algorithm = known_hash.rpartition(":")[0] or "sha256"
    actual = compute_checksum(archive, algorithm)
    if actual != known_hash.rpartition(":")[2].lower():
        raise ValueError(
            f"{archive} has the {algorithm} checksum {actual}, not known_hash={known_hash!r}. "
            "Delete it to have it downloaded again, or correct known_hash."
        )


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack ``<study_id>.tar.gz`` and return the study's folder in it, its only content."""
    study_id = archive.name.removesuffix(".tar.gz")
    try:
        with gzip.open(archive) as unbounded:
            stream = _Bounded(unbounded, archive)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for n_members, member in enumerate(tar, start=1):
                    check_limit("members", n_members, f"{archive.name} holds")
                    check_limit("member", member.size, f"{member.name!r} in {archive.name} has")
                    _check_member(member, study_id, archive.name)
                    tar.extract(member, folder, filter="data")
            # The checksum of gzip is at its end, behind what tarfile reads.
            while stream.read(io.DEFAULT_BUFFER_SIZE):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{archive.name} is not an intact tar.gz archive: {error}. Nothing in it was used; "
            "if it was put into data_home by hand, delete it there."
        ) from error
    if not (folder / study_id).is_dir():
        raise ValueError(f"{archive.name} holds no folder {study_id!r}.")
    return folder / study_id


class _Bounded(io.RawIOBase):
    """The unpacked bytes of an archive, up to the limits: headers may be as large as files."""

    def __init__(self, stream: Any, archive: Path):
        self.stream = stream
        self.name, self.size = archive.name, archive.stat().st_size
        self.n_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read on, but not beyond the limits."""
        data = self.stream.read(size)
        self.n_bytes += len(data)
        check_limit("total", self.n_bytes, f"unpacked, {self.name} has")
        if self.n_bytes > UNCHECKED_BYTES:
            check_limit("ratio", self.n_bytes / self.size, f"unpacked, {self.name} has")
        return data


def _checksum_path(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


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
        f"{archive} is not safe to unpack: {member.name!r} {problem}. Nothing in it was used; get "
        "it from cBioPortal or from a mirror that you trust."
    )


def resolve_base_url(base_url: str | None) -> str:
    """Return the address of the archives: the given one, the variable's, or cBioPortal's."""
    base_url = base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL
    try:
        parts = urlsplit(base_url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    is_http = base_url.startswith(("http://", "https://"))
    if not usable or not is_http or re.search(r"[\s\x00-\x1f\x7f]", base_url):
        raise ValueError(
            f"base_url, or {BASE_URL_VARIABLE}, must begin with http:// or https:// and be an "
            f"address like https://host/folder, got {_without_password(base_url)!r}."
        )
    return base_url.rstrip("/")


def _without_password(url: str) -> str:
    """Return an address as it may be shown: without user and password."""
    return re.sub(r"(?<=//)[^/]*@", "", url)


def _credentials(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def describe_manual_download(url: str, archive: Path) -> str:
    """Return what to do where the archive can't or must not be downloaded."""
    return (
        f"Download {_without_password(url)} yourself and save it as {archive}, or specify a mirror "
        f"with base_url or the environment variable {BASE_URL_VARIABLE}."
    )


def download(url: str, folder: Path, archive: Path, known_hash: str | None) -> Path:
    """Download an archive into a folder and return its path."""
    import pooch

    auth, url = _credentials(url), _without_password(url)
    partial = archive.with_name(f".{archive.name}.part")
    source = pooch.create(
        path=folder,
        base_url=url.removesuffix(archive.name),
        registry={archive.name: known_hash},
        retry_if_failed=2,
    )

    def download_once(url: str, path: str, source: Any) -> None:
        _transfer(url, Path(path), partial, auth)

    try:
        return Path(source.fetch(archive.name, downloader=download_once))
    except OSError as error:
        raise OSError(
            f"Can't download {url}: {error}. {describe_manual_download(url, archive)}"
        ) from error


def _transfer(url: str, path: Path, partial: Path, auth: tuple[str, str] | None) -> None:
    """Download a file, or what is missing of it."""
    import requests
    from urllib3.exceptions import HTTPError

    start = 0
    # What an earlier transfer left, if no other process has taken it.
    with contextlib.suppress(FileNotFoundError):
        partial.replace(path)
        start = path.stat().st_size
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS, auth=auth
        ) as response:
            start = _check_response(response, start)
            resumable = response.headers.get("Accept-Ranges") == "bytes"
            try:
                _receive(response, path, start, Path(url).name)
            except (HTTPError, ValueError, OSError) as error:
                # An OSError, of a limit or of the disk, is not tried again in this call.
                if resumable or isinstance(error, OSError):
                    path.replace(partial)
                raise
    except HTTPError as error:
        raise requests.ConnectionError(str(error)) from error


def _check_response(response: Any, start: int) -> int:
    """Check that the server sends the file, and return from which byte on."""
    if start and response.status_code == 416:
        raise ValueError("the partial download is of another file; downloading again.")
    # Not an error of requests, after which pooch would ask again for what does not exist.
    if 400 <= response.status_code < 500:
        raise FileNotFoundError(
            f"the server answers {response.status_code} {response.reason}; is that the name "
            "of a study?"
        )
    response.raise_for_status()
    # Some servers say that a .tar.gz file is encoded; it would be decompressed on its way.
    response.raw.headers.pop("Content-Encoding", None)
    sent = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return start if response.status_code == 206 and sent and int(sent[1]) == start else 0


def _receive(response: Any, path: Path, start: int, name: str) -> None:
    """Write what the server sends from the byte `start` on."""
    stated = response.headers.get("Content-Length", "")
    size = start + int(stated) if stated.isdigit() else None
    check_limit("download", size or 0, "the file has")
    received = counted = start
    began = time.monotonic()
    bar = progress_bar(desc=name, total=size, initial=start, unit="B", unit_scale=True)
    with bar, path.open("r+b" if start else "wb") as file:
        file.seek(start)
        # Whatever has arrived, however little, or a slow server would not be noticed.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
            check_limit("download", received, "the server has sent")
            if size is not None and received > size:
                raise OSError(f"the server sends more than the {size} bytes that it announced")
            if time.monotonic() - began > SLOWEST_SECONDS:
                if received - counted < SLOWEST_BYTES:
                    raise OSError(
                        f"the server sent {received - counted} bytes in {SLOWEST_SECONDS} seconds. "
                        f"The {received} bytes received so far are kept, and the next call "
                        "continues from there"
                    )
                began, counted = time.monotonic(), received
    if size is not None and received != size:
        raise ValueError(f"{name} broke off after {received} of {size} bytes.")
