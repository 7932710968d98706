"""Download a study's archive from cBioPortal or a mirror."""

import os
from pathlib import Path
from typing import Any

__all__ = ["describe_manual_download", "download", "resolve_base_url"]

BASE_URL = "https://datahub.assets.cbioportal.org"
BASE_URL_VARIABLE = "XMODAL_CBIOPORTAL_URL"
N_RETRIES = 2
CHUNK_BYTES = 2**20


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
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(
            f"base_url, or {BASE_URL_VARIABLE}, must begin with http:// or https://, "
            f"got {base_url!r}."
        )
    return base_url.rstrip("/")


def describe_manual_download(url: str, archive: Path) -> str:
    """Return what to do where the archive can't or must not be downloaded."""
    return (
        f"Download {url} yourself and save it as {archive}, or name a mirror by base_url or by "
        f"the environment variable {BASE_URL_VARIABLE}."
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

    source = pooch.create(
        path=folder,
        base_url=url.removesuffix(archive.name),
        registry={archive.name: known_hash},
        retry_if_failed=N_RETRIES,
    )
    try:
        return Path(source.fetch(archive.name, downloader=_download_once))
    except OSError as error:
        raise OSError(
            f"Can't download {url}: {error}. {describe_manual_download(url, archive)}"
        ) from error


def _download_once(url: str, path: str, source: Any) -> None:
    """Download a file whole, as pooch's downloaders do; pooch repeats after a ValueError."""
    import pooch

    announced: list[str | None] = []

    def inspect_response(response: Any, **_: Any) -> None:
        # Not an error of requests, after which pooch would ask again for what does not exist.
        if 400 <= response.status_code < 500:
            raise FileNotFoundError(
                f"the server answers {response.status_code} {response.reason}; is that the name "
                "of a study?"
            )
        # Some servers say that a .tar.gz file is encoded; it would be decompressed on its way.
        response.raw.headers.pop("Content-Encoding", None)
        announced.append(response.headers.get("Content-Length"))

    downloader = pooch.HTTPDownloader(
        progressbar=True, chunk_size=CHUNK_BYTES, hooks={"response": inspect_response}
    )
    downloader(url, path, source)
    size = Path(path).stat().st_size
    if announced[-1] is not None and size != int(announced[-1]):
        raise ValueError(f"{url} broke off after {size} of {announced[-1]} bytes.")
