"""The file of a model: a zip archive of a few named parts, none of them compressed.

An uncompressed part is no larger than the file, so no file of a model expands.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from .._files import atomic_write

FORMAT = "xmodal-sklearn model"
# Format 1 was written before the first version of this package was published.
FORMAT_VERSION, OLDEST_READ = 2, 2
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.txt"
PARTS = ARRAYS, STRUCTURE = "arrays.safetensors", "structure.skops"
# In bytes. The columns of 100,000 features take 3 million.
MAX_MANIFEST = 2**24
MAX_CHECKSUMS = 2**10
MANIFEST_FACTOR = 0.5
# What a model of the manifest holds; a tuple gives alternatives.
CONTENT: dict[str, Any] = {
    "needs": str,
    "versions": {str: str},
    "model": str,
    "n_columns": (int, None),
    "columns": ([str], None),
    "classes": ([(str, int, float, bool)], None),
    "modalities": {str: int},
    "features": ({str: [str]}, None),
    "takes_absent": {str: bool},
    "held_out": ([int], None),
    "training": ({str: object}, None),
    "reference_predictions": ([[float]], None),
}


class JsonReader:
    """Parses the JSON of one file, whose objects together may take a bounded multiple of its size.

    Parameters
    ----------
    file_size : int
        Size of the file in bytes.
    factor : float, default=6.5
        The multiple, in addition to 8 MB.
    """

    # In bytes of Python's objects; skops makes objects of its own for dicts.
    PER_VALUE, PER_DICT = 64, 400

    def __init__(self, file_size: int, factor: float = 6.5):
        # A forest of small trees takes six times its file.
        self.budget = 2**23 + int(factor * file_size)

    def parse(self, text: bytes) -> Any:
        """Return the value of a JSON text, unless it is too large."""
        # Brackets and commas in names count as well, which does no harm.
        n_values = text.count(b",") + text.count(b"[")
        self.budget -= self.PER_VALUE * n_values + self.PER_DICT * text.count(b"{")
        # One character beyond Latin-1 makes all characters of a text take up to four bytes.
        self.budget -= 5 * len(text) if b"\\u" in text or not text.isascii() else len(text)
        if self.budget < 0:
            raise ValueError("the lists in it would take far more memory than the file")
        return json.loads(text)


def write_parts(path: Path, manifest: Mapping[str, Any], parts: Mapping[str, bytes]) -> None:
    """Write the file of a model whole or not at all, with the format added to its manifest."""
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
    with atomic_write(path) as scratch:
        write_archive(scratch, contents)


def write_archive(file: Path | BytesIO, contents: Mapping[str, bytes]) -> None:
    """Write an archive of parts that are not compressed."""
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for name, part in contents.items():
            archive.writestr(name, part)


def read_parts(
    path: Path, names: tuple[str, ...] = PARTS
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the checked manifest of a model's file, and the parts of these names."""
    # Names of columns take little compared with the numbers of the model.
    reader = JsonReader(path.stat().st_size, MANIFEST_FACTOR)
    try:
        with ZipFile(path) as archive:
            _check_members(archive, path.stat().st_size)
            text = archive.read(CHECKSUMS).decode("ascii", "replace")
            lines = re.findall(r"^([0-9a-f]{64})  ([a-z.]+)$", text, re.M)
            checksums = {name: checksum for checksum, name in lines}
            manifest = _parse_manifest(_read(archive, MANIFEST, checksums), reader)
            return manifest, {name: _read(archive, name, checksums) for name in names}
    except (BadZipFile, EOFError, KeyError, NotImplementedError, RecursionError) as error:
        raise ValueError(
            f"it is damaged, or save_model did not write it ({type(error).__name__}: {error})"
        ) from error


def _check_members(archive: ZipFile, size: int) -> None:
    names, expected = sorted(archive.namelist()), sorted([MANIFEST, CHECKSUMS, *PARTS])
    if names != expected:
        raise ValueError(f"it holds {names[:9]}, but a model consists of {expected}")
    check_stored(archive, size)
    for name, limit in {MANIFEST: MAX_MANIFEST, CHECKSUMS: MAX_CHECKSUMS}.items():
        if archive.getinfo(name).file_size > limit:
            raise ValueError(f"its part {name} has more than {limit} bytes")


def check_stored(archive: ZipFile, size: int) -> None:
    """Check that the parts of an archive of this size are not compressed and do not overlap."""
    members = archive.infolist()
    for member in members:
        is_stored = member.compress_type == ZIP_STORED and member.compress_size == member.file_size
        if not is_stored or member.flag_bits & 1:
            raise ValueError(f"its part {member.filename} is compressed or encrypted")
    if sum(member.file_size for member in members) > size:
        raise ValueError("its parts overlap")


def _read(archive: ZipFile, name: str, checksums: Mapping[str, str]) -> bytes:
    part = archive.read(name)
    if hashlib.sha256(part).hexdigest() != checksums.get(name):
        raise ValueError(f"its part {name} does not match its checksum, so it was changed")
    return part


def _parse_manifest(text: bytes, reader: JsonReader) -> dict[str, Any]:
    try:
        manifest = reader.parse(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"its {MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"its {MANIFEST} does not name the format {FORMAT!r}")
    version: Any = manifest.get("format_version")
    if not _matches(version, int) or version < 1:
        raise ValueError(f"its {MANIFEST} gives {version!r} as the version of its format")
    if version > FORMAT_VERSION:
        needs = str(manifest.get("needs"))
        newer = f">={needs}" if re.fullmatch(r"\d[\w.+]{0,40}", needs, re.ASCII) else ""
        raise ValueError(
            f"it has format {version}, but this version of xmodal-sklearn reads formats up to "
            f"{FORMAT_VERSION}. Upgrade: pip install -U 'xmodal-sklearn{newer}'"
        )
    if version < OLDEST_READ:
        raise ValueError(
            f"it has format {version}, which was written before the first published version and "
            "is no longer read. Fit the model again and save it"
        )
    for name, expected in CONTENT.items():
        if not _matches(manifest.get(name), expected):
            raise ValueError(f"{name!r} in its manifest was not written by save_model")
    return manifest


def _matches(value: Any, expected: Any) -> bool:
    """Return whether a value of JSON is of an expected type, see `CONTENT`."""
    if isinstance(expected, tuple):
        return any(_matches(value, alternative) for alternative in expected)
    if isinstance(expected, list):
        return isinstance(value, list) and all(_matches(item, expected[0]) for item in value)
    if isinstance(expected, dict):
        (inner,) = expected.values()
        return isinstance(value, dict) and all(_matches(item, inner) for item in value.values())
    if expected is float:
        return type(value) in (float, int) and abs(value) < 1e300
    return expected is object or type(value) is (expected or type(None))
