"""A folder whose files of results are all of one run, at whatever moment a process is killed.

The files of a run are written into a folder aside. Renaming that folder is the moment from which on
the new run counts; moving its files into place can be finished by whoever comes next.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .._files import abandoned_folders, scratch_folder

__all__ = ["IMPORTANCE", "RESULT_FILES", "finish_publishing", "publishing", "result_file"]

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


@contextmanager
def publishing(folder: Path) -> Iterator[Path]:
    """Give a folder aside to write a run's files into, which replace those of the run before.

    Parameters
    ----------
    folder : Path
        Where the files belong; it is made if it does not exist. Files of results that the new run
        has not written are removed.

    Yields
    ------
    Path
        The folder aside. If the block raises an error, the files of before stay as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in abandoned_folders(folder):
        shutil.rmtree(left, ignore_errors=True)
    aside = scratch_folder(folder)
    try:
        aside.mkdir()
        yield aside
        names = sorted(path.name for path in aside.iterdir())
        (aside / NAMES).write_text(json.dumps(names), encoding="utf-8")
        for path in aside.iterdir():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        finish_publishing(folder)
        aside.rename(folder / PENDING)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    finish_publishing(folder)


def finish_publishing(folder: Path) -> None:
    """Move the files of a run into place that a killed process could not move any more.

    Parameters
    ----------
    folder : Path
        A folder of results.
    """
    pending = folder / PENDING
    if not (pending / NAMES).is_file():
        # Killed after the last file was moved, before the folder was removed.
        with suppress(FileNotFoundError):
            pending.rmdir()
        return
    names = json.loads((pending / NAMES).read_text(encoding="utf-8"))
    for name in set(RESULT_FILES) - set(names):
        (folder / name).unlink(missing_ok=True)
    for name in names:
        # Another process may be at the same.
        with suppress(FileNotFoundError):
            (pending / name).replace(folder / name)
    (pending / NAMES).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        pending.rmdir()


def result_file(folder: Path, name: str) -> Path:
    """Return where a file of the run that counts is, in a folder that may be read only.

    Parameters
    ----------
    folder : Path
        A folder of results.
    name : str
        One of `RESULT_FILES`.

    Returns
    -------
    Path
        The file, which may not exist.
    """
    pending = folder / PENDING / name
    return pending if pending.is_file() else folder / name
