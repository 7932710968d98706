"""Damage to files and a loop over seeds; a seed says all about an input.

The number of inputs is that of the variable XMODAL_FUZZ_INPUTS and the first seed that of
XMODAL_FUZZ_SEED, as `benchmarks/fuzz_reader.py` sets them.
"""

import os
import random
import re
import traceback
from collections import Counter
from pathlib import Path

import xmodal_sklearn

N_INPUTS = int(os.environ.get("XMODAL_FUZZ_INPUTS", "60"))
FIRST_SEED = int(os.environ.get("XMODAL_FUZZ_SEED", "0"))
PACKAGE = Path(xmodal_sklearn.__file__).parent
# Verbs with which a message says what to do.
REMEDY = re.compile(
    r"\b(Add|Check|Correct|Download|Drop|Export|Fill|Give|Keep|Leave|List|Make|Merge|Name|Pass|Put|"
    r"Remove|Rename|Save|Separate|Transpose|Unpack|Use|Write)\b"
)

TOKENS = [
    b"\t", b"\n", b"\r", b"\r\n", b"\0", b"#", b'"', b"\xff", b"\xe9", "é".encode(), b"NA", b"nan",
    b"1e999", b"1e-999", b"1e39", b"-inf", b"-", b"+", b".", b"e", b"E5", b" ", b",", b";", b"_",
    b"1", b"0x1", b"1_0", b"True", b"FALSE", "１".encode(), "٣".encode(), b"\xef\xbb\xbf", b"\x1a",
    b"\x0b", b"\x1c", "\u2028".encode(), "\x85".encode(), "\xa0".encode(), "\u202f".encode(),
    "\u200b".encode(), "\u2212".encode(), b"9" * 400, b"S1", b"TP53", b":", b"1,5", b"1.234,5",
    b"1-Mar", b"2024-03-01", b"#N/A", b"#DIV/0!", b"''", b"=", b"|",
]  # fmt: skip


def fuzz(check, n_inputs=N_INPUTS):
    """Run a check, which returns an outcome, on many seeds; fail with the first seed of each kind.

    Prints how often each outcome occurred.
    """
    outcomes, failures = Counter(), {}
    for seed in range(FIRST_SEED, FIRST_SEED + n_inputs):
        try:
            outcomes[check(seed, random.Random(seed))] += 1
        except Exception as error:
            outcomes["WRONG"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = re.sub(r"'[^']*'|\"[^\"]*\"|\d+|\S*/", "…", str(error))[:100]
            kind = f"{where.name}:{where.lineno} {what}"
            failures.setdefault(kind, []).append((seed, traceback.format_exc(limit=-3)[-1500:]))
    for outcome, count in outcomes.most_common():
        print(f"{count:>7} {outcome}")
    assert not failures, "\n".join(
        f"{len(found)} times, seeds {[seed for seed, _ in found[:5]]}:\n{found[0][1]}"
        for found in failures.values()
    )


def check_message(error, *names, line=True):
    """Check that an error comes from this package and names a file, a line and a remedy."""
    message = str(error)
    assert not isinstance(error, UnicodeError), message
    assert any(name in message for name in names), (names, message)
    assert REMEDY.search(message), f"no remedy: {message}"
    assert not line or re.search(r"\blines? [\[']?\w|\bheader\b", message), f"no line: {message}"
    assert len(message) < 3000, message
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    assert PACKAGE in Path(frame.tb_frame.f_code.co_filename).parents, message


def at(rng, content):
    return rng.randint(0, len(content))


def truncate(rng, content):
    return content[: at(rng, content)]


def cut_out(rng, content):
    start = at(rng, content)
    return content[:start] + content[start + rng.randint(1, 30) :]


def token(rng):
    return rng.choice(TOKENS) if rng.random() < 0.8 else rng.randbytes(rng.randint(1, 6))


def insert(rng, content):
    start = at(rng, content)
    return content[:start] + token(rng) + content[start:]


def overwrite(rng, content):
    start, new = at(rng, content), token(rng)
    return content[:start] + new + content[start + len(new) :]


def flip(rng, content):
    if not content:
        return content
    start = rng.randrange(len(content))
    flipped = content[start] ^ rng.randint(1, 255)
    return content[:start] + bytes([flipped]) + content[start + 1 :]


def other_encoding(rng, content):
    encoding = rng.choice(["utf-16", "utf-16-le", "latin-1", "cp1250", "utf-8-sig", "utf-32"])
    return content.decode(errors="ignore").encode(encoding, errors="ignore")


def other_line_ends(rng, content):
    return content.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\n\r", b"\r\r\n"]))


def repeat_line(rng, content):
    lines = content.split(b"\n")
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"\n".join(lines)


def drop_line(rng, content):
    lines = content.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def swap_lines(rng, content):
    lines = content.split(b"\n")
    first, second = (rng.randrange(len(lines)) for _ in range(2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def other_delimiter(delimiter, others):
    def spoil(rng, content):
        lines, new = content.split(b"\n"), rng.choice(others)
        only = None if rng.random() < 0.5 else rng.randrange(len(lines))
        return b"\n".join(
            line.replace(delimiter, new) if only in (None, number) else line
            for number, line in enumerate(lines)
        )

    return spoil


def repeat_column(delimiter):
    def spoil(rng, content):
        which = rng.randrange(100)

        def repeated(line):
            fields = line.split(delimiter)
            return delimiter.join([*fields, fields[which % len(fields)]])

        return b"\n".join(
            repeated(line) if line and not line.startswith(b"#") else line
            for line in content.split(b"\n")
        )

    return spoil


def swap_fields(delimiter):
    """Change two fields of the file for one another."""

    def spoil(rng, content):
        ends = delimiter + b"\n" + delimiter
        fields = content.replace(b"\n", ends).split(delimiter)
        first, second = (rng.randrange(len(fields)) for _ in range(2))
        fields[first], fields[second] = fields[second], fields[first]
        return delimiter.join(fields).replace(ends, b"\n")

    return spoil


def huge_line(rng, content):
    start = at(rng, content)
    unit = rng.choice([b"A", b"1", b"\t", b"1\t", b" ", b",", b"1,"])
    return content[:start] + unit * rng.choice([300, 20_000]) + content[start:]


def binary(rng, content):
    return rng.randbytes(rng.randint(0, 300))


def empty(rng, content):
    return b""


ANY_TEXT = [
    truncate, cut_out, insert, insert, overwrite, overwrite, other_encoding, other_line_ends,
    repeat_line, drop_line, swap_lines, binary, empty,
]  # fmt: skip
