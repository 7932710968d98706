"""The file of a model: a zip archive of a few named parts, none of them compressed.

What is not compressed can't be larger than the file that it is in, so no file of a model expands.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from .._files import atomic_write

__all__ = ["FORMAT_VERSION", "read_parts", "write_parts"]

FORMAT = "xmodal-sklearn model"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.txt"
PARTS = ("arrays.safetensors", "structure.skops")
# In bytes. The columns of 100,000 features take 3 million; as Python's objects several times that.
MAX_MANIFEST = 2**24
READ_BYTES = 2**20


def write_parts(path: Path, manifest: Mapping[str, Any], parts: Mapping[str, bytes]) -> None:
    """Write the file of a model whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    manifest : mapping
        What JSON can hold; the format and its version are added.
    parts : mapping of str to bytes
        The parts by name.
    """
    text = json.dumps(
        {"format": FORMAT, "format_version": FORMAT_VERSION, **manifest}, indent=1, allow_nan=False
    )
    if len(text) > MAX_MANIFEST:
        raise ValueError(
            f"The description of the model takes {len(text)} bytes, more than {MAX_MANIFEST}. "
            "Give the columns shorter names."
        )
    contents = {MANIFEST: text.encode(), **parts}
    sums = {name: hashlib.sha256(part).hexdigest() for name, part in contents.items()}
    # In the form that `sha256sum --check` reads.
    contents[CHECKSUMS] = "".join(f"{sums[name]}  {name}\n" for name in sums).encode("ascii")
    with atomic_write(path) as scratch, ZipFile(scratch, "w", ZIP_STORED) as archive:
        for name, part in contents.items():
            archive.writestr(name, part)


def read_parts(path: Path, names: tuple[str, ...] = PARTS) -> tuple[dict, dict[str, bytes]]:
    """Read and check the file of a model.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str, default=PARTS
        The parts to read beside the manifest.

    Returns
    -------
    manifest : dict
        The manifest.
    parts : dict of str to bytes
        The parts by name.

    Raises
    ------
    ValueError
        If the file is damaged, changed, no file of a model, or of a newer format.
    """
    try:
        with ZipFile(path) as archive:
            _check_members(archive, path.stat().st_size)
            sums = _checksums(archive.read(CHECKSUMS))
            manifest = _read_manifest(_read(archive, MANIFEST, sums))
            return manifest, {name: _read(archive, name, sums) for name in names}
    except (BadZipFile, EOFError, KeyError, NotImplementedError, RecursionError) as error:
        raise ValueError(f"it is damaged, or no file that save_model wrote: {error}") from error


def _check_members(archive: ZipFile, size: int) -> None:
    members = archive.infolist()
    expected = sorted([MANIFEST, CHECKSUMS, *PARTS])
    found = [member.filename for member in members]
    if len(found) > len(expected) or sorted(found) != expected:
        raise ValueError(f"it holds {sorted(found)[:9]} where a model has {expected}")
    for member in members:
        plain = member.compress_type == ZIP_STORED and member.compress_size == member.file_size
        if not plain or member.flag_bits & 1:
            raise ValueError(f"its part {member.filename} is compressed or encrypted")
    if sum(member.file_size for member in members) > size:
        raise ValueError("its parts overlap")
    limits = {MANIFEST: MAX_MANIFEST, CHECKSUMS: READ_BYTES}
    for name, limit in limits.items():
        if archive.getinfo(name).file_size > limit:
            raise ValueError(f"its part {name} has more than {limit} bytes")


def _checksums(text: bytes) -> dict[str, str]:
    lines = re.findall(r"^([0-9a-f]{64})  ([a-z.]+)$", text.decode("ascii", "replace"), re.M)
    return {name: checksum for checksum, name in lines}


def _read(archive: ZipFile, name: str, sums: Mapping[str, str]) -> bytes:
    part = archive.read(name)
    if hashlib.sha256(part).hexdigest() != sums.get(name):
        raise ValueError(f"its part {name} is not what its checksum says; it was changed since")
    return part


def _read_manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ValueError(f"its {MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"its {MANIFEST} does not say that it is an {FORMAT}")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"its {MANIFEST} tells no version of the format, but {version!r}")
    if version > FORMAT_VERSION:
        needed = manifest.get("needs", "a newer version")
        raise ValueError(
            f"it is of format {version}, and this version reads formats up to {FORMAT_VERSION}. "
            f"Upgrade: pip install 'xmodal-sklearn>={needed}'"
        )
    return manifest
