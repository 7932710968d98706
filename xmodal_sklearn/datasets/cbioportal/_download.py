"""Download a study's archive: limited in time and size, and resumed after an interruption."""

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..._progress import progress_bar
from ._archive import limit

BASE_URL = "https://datahub.assets.cbioportal.org"
BASE_URL_VARIABLE = "XMODAL_CBIOPORTAL_URL"
N_RETRIES = 2
CHUNK_BYTES = 2**20
CONNECT_SECONDS = 10
# Without a byte.
READ_SECONDS = 60
# A transfer of fewer bytes in so many seconds is aborted.
SLOWEST_SECONDS = 60
SLOWEST_BYTES = 2**19


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
        f"Download {_without_password(url)} yourself and save it as {archive}, or name a mirror by "
        f"base_url or by the environment variable {BASE_URL_VARIABLE}."
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
        retry_if_failed=N_RETRIES,
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

    start = _take_over(partial, path)
    headers = {"Range": f"bytes={start}-"} if start else {}
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=timeout, auth=auth
        ) as response:
            start = _check_response(response, start)
            resumable = response.headers.get("Accept-Ranges") == "bytes"
            try:
                _receive(response, path, start, Path(url).name)
            except (HTTPError, ValueError, OSError) as error:
                is_final = isinstance(error, OSError) and not isinstance(
                    error, requests.RequestException
                )
                if resumable or is_final:
                    path.replace(partial)
                raise
    except HTTPError as error:
        raise requests.ConnectionError(str(error)) from error
    except requests.ConnectionError as error:
        if "Failed to resolve" in str(error):
            raise FileNotFoundError(f"there is no server of that name: {error}") from error
        raise


def _take_over(partial: Path, path: Path) -> int:
    """Move what an earlier transfer left, if no other process does; return its size."""
    with contextlib.suppress(FileNotFoundError):
        partial.replace(path)
        return path.stat().st_size
    return 0


def _check_response(response: Any, start: int) -> int:
    """Check that the server sends the file, and return from which byte on."""
    if start and response.status_code == 416:
        raise ValueError("the partial download is not of this file; it is downloaded anew.")
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
    most, stated = limit("download"), response.headers.get("Content-Length", "")
    size = start + int(stated) if stated.isdigit() else None
    if size is not None:
        most.check(size, "the file has")
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
            most.check(received, "the server has sent")
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
