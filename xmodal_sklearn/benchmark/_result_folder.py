"""A folder whose results are all of one run, even if a process that writes it is killed.

The files of a run are written into a folder aside. Once that folder is renamed, the new run counts;
the next writer moves its files into place if this one cannot. Readers write nothing, and read files
of the names below only.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .._files import abandoned_folders, check_plain_file, scratch_folder

IMPORTANCE = "importance.json"
RESULT_FILES = (
    "scores.csv",
    "predictions.csv",
    "selected.csv",
    "learning.csv",
    "comparison.json",
    IMPORTANCE,
    "report.html",
)
PENDING = ".publish"
NAMES = "names.json"
# What files of this package contain near their beginning.
MARKS = {
    ".csv": re.compile(rb'[",]run"?\r?\n'),
    ".json": re.compile(rb'^\{\s*"run": "'),
    ".html": re.compile(rb'<meta name="(xmodal-run|generator" content="xmodal)'),
}
MARK_BYTES = 2**20


@contextmanager
def publishing(folder: Path) -> Iterator[Path]:
    """Yield a folder aside for a run's files, which replace those of the run before."""
    folder.mkdir(parents=True, exist_ok=True)
    check_replaceable(folder)
    for abandoned in abandoned_folders(folder):
        shutil.rmtree(abandoned, ignore_errors=True)
    aside = scratch_folder(folder)
    try:
        aside.mkdir()
        yield aside
        names = [name for name in RESULT_FILES if (aside / name).is_file()]
        (aside / NAMES).write_text(json.dumps(names), encoding="utf-8")
        for name in (*names, NAMES):
            with (aside / name).open("rb+") as file:
                os.fsync(file.fileno())
        with locked(folder, exclusive=True):
            _move_into_place(folder)
            aside.rename(folder / PENDING)
            _move_into_place(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(folder: Path, names: Iterable[str] = RESULT_FILES) -> None:
    """Check that files that results would replace were written by this package."""
    for path in (folder / name for name in names):
        check_plain_file(path)
        if not path.exists():
            continue
        with path.open("rb") as file:
            beginning = file.read(MARK_BYTES)
        if beginning and not MARKS[path.suffix].search(beginning):
            raise ValueError(
                f"{path} was not written by this package, and the results would replace it. Move "
                "it, or choose another folder."
            )


@contextmanager
def locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Keep writers out of a folder, and other readers too if exclusive; creates no file."""
    try:
        import fcntl
    except ImportError:  # Windows has no locks of folders
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems have none either.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def result_file(folder: Path, name: str) -> Path:
    """Return where a file of the run that counts is, which may not exist; raise for a link."""
    pending = folder / PENDING
    names = _pending_names(pending)
    moved = names is None or (name in names and not os.path.lexists(pending / name))
    path = (folder if moved else pending) / name
    check_plain_file(path)
    return path


def _pending_names(pending: Path) -> list[str] | None:
    """Return the files of a run that may not be in place yet, None if there is none."""
    if pending.is_symlink():
        raise OSError(f"{pending} is a link, not a folder. Remove it and try again.")
    try:
        names = json.loads((pending / NAMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # killed after the last file was moved
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not names or any(name not in RESULT_FILES for name in names):
        raise ValueError(
            f"{pending} was not written by this package: {NAMES} in it does not list files of "
            "results. Remove that folder and try again."
        )
    return names


def _move_into_place(folder: Path) -> None:
    pending = folder / PENDING
    names = _pending_names(pending)
    if names is not None:
        for name in set(RESULT_FILES) - set(names):
            (folder / name).unlink(missing_ok=True)
        for name in names:
            check_plain_file(pending / name)
            # Another process may do the same, where there are no locks.
            with suppress(FileNotFoundError):
                (pending / name).replace(folder / name)
        (pending / NAMES).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        pending.rmdir()
