"""Changes of files and texts: bits, cuts, spans, numbers, names, header fields, odd words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

NUMBERS = (
    "1e309",
    "-1e309",
    "nan",
    "inf",
    "-1",
    "0",
    "1e-7",
    "9" * 40,
    "9" * 5000,
    "0x10",
    "1,5",
    "é",
    "=1+1",
    "\x00",
    "",
)
BYTES_16 = (0x0000, 0x7FFF, 0xFFFF, 0x7F80, 0x8000)
TEXT = {".csv", ".json", ".jsonl", ".cfg", ".txt", ".yaml"}


def odd_name(rng: np.random.Generator) -> bytes:
    return (b"\xff\xfe", b"a" * 200, b"a\nb", b"..", "\u202egpj".encode(), b"'; --", b"=1+1")[int(rng.integers(7))]


def mutated(content: bytes, file: Path, rng: np.random.Generator) -> bytes:
    if file.suffix in TEXT and rng.random() < 0.8:
        return mutated_text(content, rng)
    data = bytearray(_unpacked(content, file))
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(max(1, min(len(data), 400) if rng.random() < 0.6 else len(data))))
        kind = int(rng.integers(6))
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place : place + 4] = np.float32(rng.choice([np.inf, np.nan, -1, 0, 1e-7, 1e30])).tobytes()
        elif kind == 3:
            data[place : place + 2] = int(rng.choice(BYTES_16)).to_bytes(2, "little")
        elif kind == 4:
            del data[place : place + int(rng.integers(1, 64))]
        else:
            data[place:place] = rng.bytes(int(rng.integers(1, 64)))
    return _packed(bytes(data), file)


def _unpacked(content: bytes, file: Path) -> bytes:
    import gzip

    return gzip.decompress(content) if file.suffix == ".gz" else content


def _packed(content: bytes, file: Path) -> bytes:
    import gzip

    return gzip.compress(content, 1) if file.suffix == ".gz" else content


def mutated_text(content: bytes, rng: np.random.Generator) -> bytes:
    import re

    text = content.decode("utf-8", "replace")
    numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    kind = int(rng.integers(7))
    if kind <= 2 and numbers:
        hit = numbers[int(rng.integers(len(numbers)))]
        text = text[: hit.start()] + str(rng.choice(NUMBERS)) + text[hit.end() :]
    elif kind == 3:
        place = int(rng.integers(len(text) + 1))
        text = (
            text[:place]
            + str(rng.choice(["[" * 20000, '"', "\n", ",", "\x00", "x" * 140000, "\ud7ff", "{" * 3000]))
            + text[place:]
        )
    elif kind == 4:
        lines = text.split("\n")
        lines.insert(int(rng.integers(len(lines) + 1)), lines[int(rng.integers(len(lines)))])
        text = "\n".join(lines)
    elif kind == 5:
        text = text[: int(rng.integers(len(text) + 1))]
    else:
        return rng.bytes(20) + text.encode()
    return text.encode("utf-8", "replace")


WORDS = [
    "model",
    "loop",
    "steps",
    "epsilon",
    "channels",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "-",
    "1",
    "1e309",
    "nan",
    "inf",
    "null",
    "true",
    "9",
    "&",
    "*",
    "!",
    "!!python/object:os.system",
    "|",
    ">",
    "'",
    '"',
    "\n",
    "#",
    "=",
    "0x",
]


def settings(rng: np.random.Generator) -> str:
    """Text for `--set` and a YAML file."""
    from synthcmr.config import IngestSettings
    from synthcmr.training.settings import LoopSettings, overridden

    part, key = str(rng.choice(["model", "loop", "x"])), str(rng.choice([*LoopSettings.model_fields, "nosuch"]))
    value = "".join(rng.choice(WORDS, size=int(rng.integers(1, 12))))
    if rng.random() < 0.5:
        overridden(IngestSettings(), LoopSettings(), None, [f"{part}.{key}={value}"], None)
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write("".join(rng.choice([*WORDS, "\n", "  ", "loop", ": "], size=int(rng.integers(1, 40)))))
            file.flush()
            overridden(IngestSettings(), LoopSettings(), Path(file.name), [], None)
    return "taken"


def prompt(rng: np.random.Generator) -> str:
    """Sentences of odd words and numbers."""
    from synthcmr.conditioning.prompt import read_prompt

    words = [
        "a",
        "woman",
        "man",
        "aged",
        "EF",
        "of",
        "BMI",
        "no",
        "not",
        "HCM",
        "%",
        "kg",
        "ml",
        "-",
        "1e309",
        "9" * 400,
        "٣",
        "½",
        "\x00",
        "(",
        "without",
    ]
    read_prompt(" ".join(rng.choice(words, size=int(rng.integers(0, 60)))))
    return "understood"


def where(rng: np.random.Generator) -> str:
    """Conditions of odd words."""
    import pandas as pd

    from synthcmr.cohort.query import rows_where

    words = [
        "sex",
        "age",
        "==",
        "!=",
        ">",
        "<",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        "[",
        "]",
        "'a'",
        "1",
        "1e309",
        ".",
        "__class__",
        "lambda",
        ",",
        "@",
        "~",
        "&",
        "-",
        "**",
    ]
    table = pd.DataFrame({"sex": ["f", "m", None], "age": [1.0, 2.0, None]})
    rows_where(table, " ".join(rng.choice(words, size=int(rng.integers(1, 12)))))
    return "taken"
