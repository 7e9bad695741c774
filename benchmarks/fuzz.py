"""Damaged, hostile and absurd input: every reader, settings and prompts under many mutations.

    python -m benchmarks.fuzz --mutations 100000                  # of each
    python -m benchmarks.fuzz --only acdc,settings --mutations 2000

A phantom cohort is written in every format that can be read back. Each round changes one of its files (bits, cuts, spans, numbers,
names, header fields), reads the source as `synthcmr ingest` does, and puts the file back. An error that names what is wrong is right; a
traceback, more than 10 s or more than 2 GB is not, and is printed with its seed, so that `--seed N --mutations 1` shows it again.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from synthcmr.cohort.ingest import plan_ingest, read_case
from synthcmr.config import IngestSettings, PreprocessSettings
from synthcmr.errors import SynthcmrError

SECONDS, BYTES = 10, 2 << 30
FORMATS = ("acdc", "nifti", "nnunet", "png", "dicom", "table", "sunnybrook-png")
SETTINGS = IngestSettings(preprocess=PreprocessSettings(size=32, spacing_mm=None))
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
Check = Callable[[np.random.Generator], str]  # one round: what came out, in a word


@dataclass
class Campaign:
    """What came of the rounds of one target."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def add(self, seed: int, check: Check) -> None:
        """One round."""
        start = time.monotonic()
        signal.alarm(SECONDS)
        try:
            self.outcomes[check(np.random.default_rng([seed, 7]))] += 1
        except SynthcmrError as error:
            self.outcomes["refused"] += 1
            if len(str(error)) > 3000:
                self._note(seed, f"an error text of {len(str(error))} characters")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._note(
                seed, f"{type(error).__name__}: {str(error)[:120]} at {Path(where.filename).name}:{where.lineno}"
            )
        finally:
            signal.alarm(0)
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)

    def _note(self, seed: int, text: str) -> None:
        self.outcomes["WRONG"] += 1
        self.wrong.append(f"{self.name}, seed {seed}: {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--only", help=f"some of {', '.join((*FORMATS, 'settings', 'prompts', 'where'))}")
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    chosen = args.only.split(",") if args.only else [*FORMATS, "settings", "prompts", "where"]
    failed = False
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        checks: dict[str, Check] = {"settings": _settings, "prompts": _prompt, "where": _where}
        checks |= {n: partial(_read_mutated, s) for n, s in _sources(Path(folder)).items() if n in chosen}
        for check in checks.values():  # imports are no part of what a mutation costs
            Campaign("warm-up").add(args.seed, check)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES + _virtual_now(), resource.RLIM_INFINITY))
        for name in chosen:
            campaign = Campaign(name)
            for seed in range(args.seed, args.seed + args.mutations):
                campaign.add(seed, checks[name])
            counts = ", ".join(f"{n} {what}" for what, n in sorted(campaign.outcomes.items()))
            print(f"{name}: {args.mutations} mutations: {counts}; slowest {campaign.slowest_s:.1f} s", flush=True)
            for text in list(dict.fromkeys(t.split(": ", 1)[1] for t in campaign.wrong))[:20]:
                print("  ", next(t for t in campaign.wrong if t.endswith(text)))
            failed |= bool(campaign.wrong)
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    sys.exit(failed)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def _virtual_now() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _sources(folder: Path) -> dict[str, Path]:
    """One small phantom in every format that can be read back."""
    from tests.cohort.readers.layouts import write_csv
    from tests.cohort.readers.test_sunnybrook import manifest_rows
    from tests.cohort.readers.test_tables import nifti_rows

    from synthcmr.cohort.writers import get_writer
    from synthcmr.phantom.cohort import make_phantoms

    small = PreprocessSettings(size=32, spacing_mm=5.0)
    cohort = make_phantoms(folder / "cohort", "population", 2, 2, 3, small, workers=1)
    sources = {}
    for name in ("acdc", "nifti", "nnunet", "png", "dicom"):
        get_writer(name).write(cohort, folder / name)
        sources[name] = folder / name
    for name in ("table", "sunnybrook-png"):
        (folder / name).mkdir()
        sources[name] = folder / name
    write_csv(folder / "table/table.csv", nifti_rows(folder / "table"))
    write_csv(folder / "sunnybrook-png/manifest.csv", manifest_rows(folder / "sunnybrook-png"))
    return sources


def _read_mutated(source: Path, rng: np.random.Generator) -> str:
    """Change one file, read everything, put it back."""
    files = sorted(p for p in source.rglob("*") if p.is_file())
    file = files[int(rng.integers(len(files)))]
    if rng.random() < 0.4 and (texts := [p for p in files if p.suffix in TEXT]):
        file = texts[int(rng.integers(len(texts)))]
    content = file.read_bytes()
    renamed = None
    try:
        if rng.random() < 0.03:
            renamed = Path(os.fsdecode(os.fsencode(file.parent) + b"/" + _odd_name(rng) + file.suffix.encode()))
            file.rename(renamed)
        else:
            file.write_bytes(_mutated(content, file, rng))
        return _read(source)
    finally:
        if renamed is not None:
            renamed.unlink(missing_ok=True)
        file.write_bytes(content)


def _read(source: Path) -> str:
    plan = plan_ingest(source, SETTINGS)
    records = [read_case(plan.reader, plan.source, case, plan.settings.preprocess, None) for case in plan.cases]
    for record in records:
        for text in (value for r in record.rejects for value in r.row().values()):
            str(text).encode("utf-8", "strict")
        for image in record.images:
            if not np.isfinite(image.image).all():
                raise AssertionError("an image with NaN or infinite pixels")
    return "rejects" if any(r.level == "reject" for record in records for r in record.rejects) else "read"


def _odd_name(rng: np.random.Generator) -> bytes:
    return (b"\xff\xfe", b"a" * 200, b"a\nb", b"..", "\u202egpj".encode(), b"'; --", b"=1+1")[int(rng.integers(7))]


def _mutated(content: bytes, file: Path, rng: np.random.Generator) -> bytes:
    if file.suffix in TEXT and rng.random() < 0.8:
        return _mutated_text(content, rng)
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


def _mutated_text(content: bytes, rng: np.random.Generator) -> bytes:
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


def _settings(rng: np.random.Generator) -> str:
    """Text for `--set` and a YAML file."""
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


def _prompt(rng: np.random.Generator) -> str:
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


def _where(rng: np.random.Generator) -> str:
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


if __name__ == "__main__":
    main()
