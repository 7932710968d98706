"""Download a study's archive from cBioPortal or a mirror."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ._transfer import transfer

__all__ = ["describe_manual_download", "download", "resolve_base_url", "without_password"]

BASE_URL = "https://datahub.assets.cbioportal.org"
BASE_URL_VARIABLE = "XMODAL_CBIOPORTAL_URL"
N_RETRIES = 2


def resolve_base_url(base_url: str | None) -> str:
    """Return the address of the folder of archives: the given one, the variable's, or cBioPortal's.

    Parameters
    ----------
    base_url : str or None
        As in :func:`fetch_cbioportal`.

    Returns
    -------
    str
        Without a slash at its end.

    Raises
    ------
    ValueError
        If the address is not one of http or https.
    """
    base_url = base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL
    named = f"base_url, or {BASE_URL_VARIABLE},"
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(
            f"{named} must begin with http:// or https://, got {without_password(base_url)!r}."
        )
    try:
        parts = urlsplit(base_url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", base_url):
        raise ValueError(
            f"{named} must be an address like https://host/folder, got "
            f"{without_password(base_url)!r}."
        )
    return base_url.rstrip("/")


def without_password(url: str) -> str:
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
        f"Download {without_password(url)} yourself and save it as {archive}, or name a mirror by "
        f"base_url or by the environment variable {BASE_URL_VARIABLE}."
    )


def download(url: str, folder: Path, archive: Path, known_hash: str | None) -> Path:
    """Download an archive into a folder.

    Parameters
    ----------
    url : str
        Address of the archive.
    folder : Path
        Where to put it.
    archive : Path
        Where it belongs in the end, which the error message names.
    known_hash : str or None
        Checksum that it must have.

    Returns
    -------
    Path
        The file in `folder`.

    Raises
    ------
    OSError
        If the download fails.
    ValueError
        If the transfer breaks off repeatedly, or the checksum differs.
    """
    import pooch

    auth, url = _credentials(url), without_password(url)
    partial = archive.with_name(f".{archive.name}.part")
    source = pooch.create(
        path=folder,
        base_url=url.removesuffix(archive.name),
        registry={archive.name: known_hash},
        retry_if_failed=N_RETRIES,
    )

    def download_once(url: str, path: str, source: Any) -> None:
        transfer(url, Path(path), partial, auth)

    try:
        return Path(source.fetch(archive.name, downloader=download_once))
    except OSError as error:
        raise OSError(
            f"Can't download {url}: {error}. {describe_manual_download(url, archive)}"
        ) from error
