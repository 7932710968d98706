"""Check and unpack a study's archive, keep a record of its checksum, and limit its size."""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..._files import atomic_write

FACTOR_VARIABLE = "XMODAL_LIMIT_FACTOR"
# Ten times the largest study of cBioPortal.
LIMITS = {
    "download": (16e9, "bytes to download"),
    "members": (10_000, "files in an archive"),
    "member": (32e9, "bytes of a file in an archive"),
    "total": (64e9, "bytes of an archive, unpacked"),
    "ratio": (300, "bytes unpacked for each of the archive"),
}
UNCHECKED_BYTES = 2**28


class Limit(NamedTuple):
    """How much of what is allowed."""

    most: float
    unit: str

    def check(self, value: float, what: str) -> None:
        """Raise an OSError if a value is above the limit; `what` begins its sentence."""
        if value > self.most:
            raise OSError(
                f"{what} {value:,.0f}, more than the limit of {self.most:,.0f} {self.unit}. If "
                f"that is right, raise the limits by the environment variable {FACTOR_VARIABLE}, "
                "10 for ten times as much"
            )


def limit(name: str) -> Limit:
    """Return one of the LIMITS, raised by the factor in the environment."""
    most, unit = LIMITS[name]
    text = os.environ.get(FACTOR_VARIABLE) or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 0 < factor < float("inf"):
        raise ValueError(f"{FACTOR_VARIABLE} must be a positive number, got {text!r}.")
    return Limit(most * factor, unit)


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def record(archive: Path, sha256: str) -> None:
    """Write the checksum of an archive into a file beside it."""
    with atomic_write(_record_path(archive)) as path:
        # In the form that `sha256sum --check` reads.
        path.write_text(f"{sha256}  {archive.name}\n", encoding="ascii")


def recorded(archive: Path) -> str:
    """Return the checksum that was recorded for an archive."""
    return _record_path(archive).read_text(encoding="utf-8").partition(" ")[0]


def check_unchanged(archive: Path, known_hash: str | None) -> None:
    """Check the checksum of an archive against its record, which is made if there is none."""
    sha256 = checksum(archive)
    if not _record_path(archive).is_file():
        record(archive, sha256)
    if recorded(archive) != sha256:
        raise ValueError(
            f"{archive} has changed since its checksum was recorded. Delete it to have it "
            f"downloaded again, or delete {_record_path(archive)} if you replaced it on purpose."
        )
    if known_hash is None:
        return
    algorithm = known_hash.rpartition(":")[0] or "sha256"
    actual = checksum(archive, algorithm)
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
                    limit("members").check(n_members, f"{archive.name} holds")
                    limit("member").check(member.size, f"{member.name!r} in {archive.name} has")
                    _check_member(member, study_id, archive.name)
                    tar.extract(member, folder, filter="data")
            # The checksum of gzip is at its end, behind what tarfile reads.
            while stream.read(io.DEFAULT_BUFFER_SIZE):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{archive.name} is not an intact tar.gz archive: {error}. Nothing of it was used; "
            "if it was put into data_home by hand, delete it there."
        ) from error
    if not (folder / study_id).is_dir():
        raise ValueError(f"{archive.name} holds no folder {study_id!r}.")
    return folder / study_id


class _Bounded(io.RawIOBase):
    """The unpacked bytes of an archive, up to the limits: headers may be as large as files."""

    def __init__(self, stream: Any, archive: Path):
        self.stream = stream
        self.name = archive.name
        self.n_bytes = 0
        ratio = limit("ratio")
        # A small archive may expand as it likes.
        allowed = max(ratio.most * archive.stat().st_size, UNCHECKED_BYTES)
        self.bounds = Limit(allowed, f"bytes, {ratio.most:g} for each of its own"), limit("total")

    def read(self, size: int = -1) -> bytes:
        """Read on, but not beyond the limits."""
        data = self.stream.read(size)
        self.n_bytes += len(data)
        for bound in self.bounds:
            bound.check(self.n_bytes, f"unpacked, {self.name} has")
        return data


def _record_path(archive: Path) -> Path:
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
        f"{archive} is not safe to unpack: {member.name!r} {problem}. Nothing of it was used; get "
        "it from cBioPortal or from a mirror that you trust."
    )
