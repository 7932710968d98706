"""Fetch a study from cBioPortal, and keep its archive and tables for the next call."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Literal, TypedDict, Unpack, overload

import pandas as pd
from sklearn.utils import Bunch

from ..._files import check_writable, scratch_files
from ..._store import Store, dump_arrays, load_arrays, source_hash
from ..._typing import check_arguments
from ..._version import __version__
from .._study import Report, make_study, make_target
from . import _archive
from ._reader import check_request, read_cbioportal

INCOMPLETE = "incomplete-"
# All modules that parse a study: a change in any of them makes new tables.
SOURCES = ("datasets/**/*.py", "_text.py")
# A day, longer than any download.
MAX_DOWNLOAD_SECONDS = 24 * 3600


class _Location(TypedDict, total=False):
    data_home: str | os.PathLike[str] | None
    download_if_missing: bool
    base_url: str | None


class _Options(_Location, total=False):
    modalities: Sequence[str] | Mapping[str, str | None]
    target: str
    target_map: Mapping[str, str | None] | None
    join: str
    profiles: Mapping[str, str] | None
    known_hash: str | None


@overload
def fetch_cbioportal(
    study_id: str, *, return_X_y: Literal[False] = ..., **options: Unpack[_Options]
) -> Bunch: ...


@overload
def fetch_cbioportal(
    study_id: str, *, return_X_y: Literal[True], **options: Unpack[_Options]
) -> tuple[pd.DataFrame, pd.Series]: ...


@check_arguments(
    study_id=[str],
    data_home=[str, os.PathLike, None],
    download_if_missing=["boolean"],
    base_url=[str, None],
    known_hash=[str, None],
    return_X_y=["boolean"],
)
def fetch_cbioportal(
    study_id: str,
    *,
    modalities: Sequence[str] | Mapping[str, str | None] = ("exp", "cna", "mut"),
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
    modalities : sequence of str, or dict of str to (str or None), default=("exp", "cna", "mut")
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
        Where archives and tables are kept, in a folder ``cbioportal``. None means scikit-learn's
        folder, see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Download the archive if it is not in `data_home`. If False, raise an error instead that
        says what to download and where to put it.
    base_url : str, default=None
        Address of the folder that holds ``<study_id>.tar.gz``, for mirrors. None means the
        environment variable ``XMODAL_CBIOPORTAL_URL``, or, where that is not set,
        ``https://datahub.assets.cbioportal.org``.
    known_hash : str, default=None
        SHA-256 checksum that the archive must have, or one of another kind as ``"md5:…"``.
        cBioPortal publishes none.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or (DataFrame, Series)
        What :func:`read_cbioportal` returns, or its ``(data, target)``.

    Raises
    ------
    FileNotFoundError
        If there is no archive and it must not be downloaded, or if it lacks a file.
    OSError
        If the download fails, or the archive is larger than a study can be.
    ValueError
        If an argument is not allowed; if the archive has the wrong checksum, is damaged, or holds
        a link, a device or a path outside its study folder; or if a file of the study is
        malformed.

    See Also
    --------
    fetch_metabric : Fetch METABRIC.
    read_cbioportal : Read a study folder that is already on the disk.

    Notes
    -----
    An interrupted transfer is repeated twice, and continues where it ended if the server supports
    that; one that is too slow, or larger than a study can be, is aborted. The environment variable
    ``XMODAL_LIMIT_FACTOR`` raises the limits on sizes. The archive is put into `data_home` only
    after it has arrived in the announced size, has the `known_hash` and can be unpacked to its end.
    Its SHA-256 checksum is kept beside it and compared in every call.

    The tables are kept in one file for each choice of arguments, whose name also depends on the
    archive's contents and on the code that parsed it. ``.study`` files may be deleted at any time.

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
    # Before a long download, not after it.
    requested = check_request(modalities, target, join, profiles, target_map)
    if not re.fullmatch(r"\w[\w.-]*", study_id):
        raise ValueError(
            f'study_id must be the name of a study, like "brca_metabric", got {study_id!r}.'
        )
    options = {
        "modalities": requested,
        "target": target,
        "target_map": dict(target_map or {}),
        "join": join,
        "profiles": dict(profiles or {}),
    }
    folder = _archive_folder(data_home)
    if not folder.is_dir():
        check_writable(folder)
    _remove_leftovers(folder)
    archive = folder / f"{study_id}.tar.gz"
    url = f"{_archive.resolve_base_url(base_url)}/{archive.name}"
    if archive.is_file():
        _archive.check_unchanged(archive, known_hash)
        study = _cached_study(archive, options, lambda: _read_archive(archive, options))
    elif download_if_missing:
        study = _download_and_read(archive, url, known_hash, options)
    else:
        raise FileNotFoundError(
            f"There is no {archive}, and download_if_missing is False. "
            f"{_archive.describe_manual_download(url, archive)}"
        )
    return (study.data, study.target) if return_X_y else study


@overload
def fetch_metabric(*, return_X_y: Literal[False] = ..., **location: Unpack[_Location]) -> Bunch: ...


@overload
def fetch_metabric(
    *, return_X_y: Literal[True], **location: Unpack[_Location]
) -> tuple[pd.DataFrame, pd.Series]: ...


def fetch_metabric(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    base_url: str | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    """Download METABRIC, about 1,980 breast tumors, from cBioPortal and read it.

    Expression, copy number and mutations of the tumors that have all three [1]_ [2]_, and their
    PAM50 subtypes with claudin-low: cBioPortal's study ``brca_metabric``. The first call downloads
    and parses it, later ones take seconds.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Where archive and tables are kept, in the folder ``cbioportal``. None is scikit-learn's
        folder, see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Download the archive if it is not in `data_home`. If False, raise an error instead that
        says what to download and where to put it.
    base_url : str, default=None
        Address of the folder that holds ``brca_metabric.tar.gz``, for mirrors. None means the
        environment variable ``XMODAL_CBIOPORTAL_URL``, or, where that is not set,
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
        If there is no archive and it must not be downloaded.
    OSError
        If the download fails.
    ValueError
        If the archive has changed since it was downloaded, is damaged or unsafe.

    See Also
    --------
    fetch_cbioportal : Fetch any study, other classes, other modalities.
    make_multiomics : Simulate a cohort in the same form, without a download.

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
    study = fetch_cbioportal(
        "brca_metabric",
        data_home=data_home,
        download_if_missing=download_if_missing,
        base_url=base_url,
    )
    return (study.data, study.target) if return_X_y else study


def _archive_folder(data_home: str | os.PathLike[str] | None) -> Path:
    # Imported here because it takes a fifth of a second.
    from sklearn.datasets import get_data_home

    try:
        return Path(get_data_home(data_home), "cbioportal").absolute()
    except OSError as error:
        raise OSError(
            f"Can't create the folder {error.filename} for downloads: {error.strerror}. Pass "
            "another data_home=, or set the environment variable SCIKIT_LEARN_DATA."
        ) from error


@contextmanager
def unpacked_study(study_id: str) -> Iterator[Path]:
    """Unpack a study that was downloaded before, and remove it afterwards."""
    with TemporaryDirectory() as scratch:
        yield _archive.unpack(_archive_folder(None) / f"{study_id}.tar.gz", Path(scratch))


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left behind, but not what others may still be writing."""
    for path in [*folder.glob(f"{INCOMPLETE}*"), *scratch_files(folder)]:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime <= MAX_DOWNLOAD_SECONDS:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _read_archive(archive: Path, options: dict[str, Any]) -> Bunch:
    check_writable(archive.parent)
    with TemporaryDirectory(dir=archive.parent, prefix=INCOMPLETE) as scratch:
        return read_cbioportal(_archive.unpack(archive, Path(scratch)), **options)


def _download_and_read(
    archive: Path, url: str, known_hash: str | None, options: dict[str, Any]
) -> Bunch:
    """Download an archive, put it in its place once it is unpacked whole, and parse it."""
    check_writable(archive.parent)
    with TemporaryDirectory(dir=archive.parent, prefix=INCOMPLETE) as scratch:
        downloaded = _archive.download(url, Path(scratch), archive, known_hash)
        study_dir = _archive.unpack(downloaded, Path(scratch))
        _archive.write_checksum(archive, _archive.compute_checksum(downloaded))
        downloaded.replace(archive)
        return _cached_study(archive, options, lambda: read_cbioportal(study_dir, **options))


def _cached_study(archive: Path, options: dict[str, Any], read: Callable[[], Bunch]) -> Bunch:
    """Return the study of an archive for arguments of read_cbioportal, read only once."""
    store = Store(archive.parent, ".study", load=_load_study, dump=_dump_study)
    # The order of the modalities is that of the columns.
    order = list(options["modalities"])
    key = [_archive.read_checksum(archive), __version__, source_hash(*SOURCES), options, order]
    return store.look_up(store.name(key, archive.name.removesuffix(".tar.gz")), read)


def _dump_study(study: Bunch, file: BinaryIO) -> None:
    """Write a study as arrays: names, classes and report as JSON, then each modality."""
    data, target = study.data, study.target
    rest = {
        "columns": study.feature_names,
        "patients": data.index.tolist(),
        "target": target.tolist(),
        "names": [data.index.name, target.name],
        "profiles": study.profiles,
        "report": study.report.to_numpy().tolist(),
        "DESCR": study.DESCR,
    }
    values = [data.iloc[:, columns].to_numpy() for columns in study.modalities.values()]
    dump_arrays([json.dumps(rest), *values], file)


def _load_study(file: BinaryIO) -> Bunch:
    text, *values = load_arrays(file)
    rest = json.loads(str(text))
    index_name, target_name = rest["names"]
    index = pd.Index(rest["patients"], name=index_name)
    data = pd.concat([pd.DataFrame(block, index, copy=False) for block in values], axis=1)
    return make_study(
        data.set_axis(rest["columns"], axis=1),
        make_target(rest["target"], index, target_name),
        DESCR=rest["DESCR"],
        report=Report(rest["report"]),
        profiles=rest["profiles"],
    )
