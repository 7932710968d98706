"""One transfer of a file over HTTP: bounded in time and size, and resumed where one broke off."""

import contextlib
import re
import time
from pathlib import Path
from typing import Any

from ..._progress import progress_bar
from ._limits import limit

__all__ = ["transfer"]

CHUNK_BYTES = 2**20
CONNECT_SECONDS = 10
# Without a byte.
READ_SECONDS = 60
# A transfer that brings less than so many bytes in so many seconds is given up.
SLOWEST_SECONDS = 60
SLOWEST_BYTES = 2**19


def transfer(url: str, path: Path, partial: Path, auth: tuple[str, str] | None) -> None:
    """Download a file, or what is missing of it.

    Parameters
    ----------
    url : str
        Address, without a password.
    path : Path
        The file to write.
    partial : Path
        Where a transfer that breaks off leaves what it got, and the next one finds it.
    auth : tuple of str, or None
        User and password.

    Raises
    ------
    FileNotFoundError
        If the server says that there is no such file, or can't be found.
    OSError
        If the server is too slow or sends too much; not worth another try.
    requests.exceptions.RequestException, ValueError
        If the transfer breaks off; worth another try.
    """
    import requests
    from urllib3.exceptions import HTTPError

    got = _take(partial, path)
    headers = {"Range": f"bytes={got}-"} if got else {}
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=timeout, auth=auth
        ) as response:
            got = _check_answer(response, got)
            size = _stated_size(response, got)
            resumable = response.headers.get("Accept-Ranges") == "bytes"
            try:
                _receive(response, path, got, size, Path(url).name)
            except (HTTPError, ValueError, OSError) as error:
                given_up = isinstance(error, OSError) and not isinstance(
                    error, requests.RequestException
                )
                if resumable or given_up:
                    path.replace(partial)
                raise
    except HTTPError as error:
        raise requests.ConnectionError(str(error)) from error
    except requests.ConnectionError as error:
        if "Failed to resolve" in str(error):
            raise FileNotFoundError(f"there is no server of that name: {error}") from error
        raise


def _take(partial: Path, path: Path) -> int:
    """Take over what an earlier transfer left, if no other process does; return its size."""
    with contextlib.suppress(FileNotFoundError):
        partial.replace(path)
        return path.stat().st_size
    return 0


def _check_answer(response: Any, got: int) -> int:
    """Return from which byte on the server sends, once it is known that it does."""
    if got and response.status_code == 416:
        raise ValueError("what was got before is not of this file; it is downloaded anew.")
    # Not an error of requests, after which pooch would ask again for what does not exist.
    if 400 <= response.status_code < 500:
        raise FileNotFoundError(
            f"the server answers {response.status_code} {response.reason}; is that the name "
            "of a study?"
        )
    response.raise_for_status()
    # Some servers say that a .tar.gz file is encoded; it would be decompressed on its way.
    response.raw.headers.pop("Content-Encoding", None)
    told = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return got if response.status_code == 206 and told and int(told[1]) == got else 0


def _stated_size(response: Any, got: int) -> int | None:
    stated = response.headers.get("Content-Length", "")
    return got + int(stated) if stated.isdigit() else None


def _receive(response: Any, path: Path, got: int, size: int | None, name: str) -> None:
    """Write what the server sends behind the bytes that are there."""
    most = limit("download")
    if size is not None:
        most.check(size, "the file has")
    began, counted = time.monotonic(), got
    bar = progress_bar(desc=name, total=size, initial=got, unit="B", unit_scale=True)
    with bar, path.open("r+b" if got else "wb") as file:
        file.seek(got)
        # Whatever has arrived, however little, or a slow server would not be noticed.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            got += len(chunk)
            bar.update(len(chunk))
            most.check(got, "the server has sent")
            if size is not None and got > size:
                raise OSError(f"the server sends more than the {size} bytes it stated")
            if time.monotonic() - began > SLOWEST_SECONDS:
                if got - counted < SLOWEST_BYTES:
                    raise OSError(
                        f"the server sent {got - counted} bytes in {SLOWEST_SECONDS} seconds. What "
                        f"was got, {got} bytes, is kept, and the next call goes on from there"
                    )
                began, counted = time.monotonic(), got
    if size is not None and got != size:
        raise ValueError(f"{name} broke off after {got} of {size} bytes.")
