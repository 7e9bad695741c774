"""What it costs to check what is read: reading with checksums against reading without them.

    python -m benchmarks.checked_reading COHORT [--run RUN] [--plan PLAN] [--scores SCORES] [--recalibration MODEL]

Writes the cohort's frames twice, with and without a checksum in every chunk, and reads both, in order and at random, in turns.
Says the ratio of the two times, and of opening tables with and without their checksums. The other folders are read whole, and
the time that their checks take is measured in the same calls. A run is the refining generator that ships, written anew, unless
one is named.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import FILES, OWN, SHARDS
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.writer import ARRAYS, file_checks

ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cohort", type=Path)
    for name in OPENED:
        parser.add_argument(f"--{name}", type=Path)
    args = parser.parse_args()
    cohort = Cohort.open(args.cohort)
    with tempfile.TemporaryDirectory() as folder:
        stored = {checked: _written(cohort, Path(folder) / str(checked), checked) for checked in (True, False)}
        for name, order in (("in order", None), ("at random", np.random.default_rng(0))):
            ratios, seconds = _compare(stored, cohort, order)
            print(f"frames {name}: {np.median(ratios):.3f} of the time without checks ({seconds * 1e3:.0f} ms)")
    ratios = [_tables(cohort, True) / _tables(cohort, False) for _ in range(ROUNDS)]
    print(f"tables: {np.median(ratios):.3f} of the time without checks")
    with tempfile.TemporaryDirectory() as folder:
        for name, read in OPENED.items():
            place = getattr(args, name) or (_shipped_again(Path(folder)) if name == "run" else None)
            if place is not None:
                whole, checks = _checked_share(partial(read, place))
                print(f"{name}: {whole / (whole - checks):.3f} of the time without checks ({whole * 1e3:.1f} ms)")


def _shipped_again(folder: Path) -> Path:
    """The generator that ships, as it would be written today."""
    from synthcmr.generators.families import load_generator
    from synthcmr.training.shipped_weights import shipped
    from synthcmr.training.weights import read_header, save_weights

    file = folder / "weights.safetensors"
    network: Any = load_generator(shipped("refine"))
    save_weights(network.network, file, read_header(shipped("refine")))
    return file


def _read_run(path: Path) -> None:
    from synthcmr.generators.families import load_generator

    load_generator(path)


def _read_plan(path: Path) -> None:
    from synthcmr.fairness.planning.plan_folder import Plan

    Plan.read(path)


def _read_scores(path: Path) -> None:
    from synthcmr.evaluation.evaluate import read_card

    read_card(path)


def _read_recalibration(path: Path) -> None:
    from synthcmr.frequency.recalibration import Recalibration

    Recalibration.load(path)


OPENED: dict[str, Callable[[Path], None]] = {
    "run": _read_run,
    "plan": _read_plan,
    "scores": _read_scores,
    "recalibration": _read_recalibration,
}


def _checked_share(read: Callable[[], None]) -> tuple[float, float]:
    """Seconds of reading, and those of them that hashing took; of the quickest of several rounds."""
    from synthcmr.cohort import checksums
    from synthcmr.training import weights

    read()  # imports
    spent, inside = 0.0, False

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            nonlocal spent, inside
            if inside:  # what calls it is timed already
                return work(*given)
            start, inside = time.process_time(), True
            try:
                return work(*given)
            finally:
                inside = False
                spent += time.process_time() - start

        return call

    checks = ("checksum", "bulk_checksum", "check_record", "_header_checksum", "_checksum")
    places = [(m, n) for m in (checksums, weights) for n in checks if hasattr(m, n)]
    found = []
    with ExitStack() as stack:
        for module, name in places:
            before = getattr(module, name)
            setattr(module, name, timed(before))
            stack.callback(setattr, module, name, before)
        for _ in range(ROUNDS):
            spent = 0.0
            whole = _seconds(read)
            found.append((whole, spent))
    return min(found)


def _written(cohort: Cohort, folder: Path, checked: bool) -> tuple[Path, dict[str, object]]:
    """The frames of a cohort, stored with or without checksums in their chunks, and what a reader must know of them."""
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    source, group = zarr.open_group(cohort.path / ARRAYS, mode="r"), zarr.create_group(folder / ARRAYS)
    for name in ("image", "mask"):
        array = source[name]
        codecs = (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), *((Crc32cCodec(),) if checked else ()))
        copy = group.create_array(
            name, shape=array.shape, chunks=array.chunks, shards=array.shards, dtype=array.dtype, compressors=codecs
        )
        copy[:] = array[:]
    return folder / ARRAYS, file_checks(folder) if checked else {}


def _compare(
    stored: dict[bool, tuple[Path, dict[str, object]]], cohort: Cohort, order: np.random.Generator | None
) -> tuple[list[float], float]:
    rows = cohort.images[["first_frame", "n_frames", "height", "width"]].to_numpy().tolist()
    if order is not None:
        rows = [rows[i] for i in order.permutation(len(rows))]
    ratios, least = [], np.inf
    for _ in range(ROUNDS):
        checked, plain = (_seconds(partial(_read, FrameReader(*stored[kind]), rows)) for kind in (True, False))
        ratios.append(checked / plain)
        least = min(least, plain)
    return ratios, float(least)


def _read(reader: FrameReader, rows: list[list[int]]) -> None:
    for first, count, height, width in rows:
        reader.read("image", first, count, height, width)
        reader.read("mask", first, count, height, width)


def _tables(cohort: Cohort, checked: bool) -> float:
    record = cohort.info if checked else {k: v for k, v in cohort.info.items() if k not in (FILES, SHARDS, OWN)}
    return _seconds(lambda: [getattr(Cohort(cohort.path, record), name) for name in ("subjects", "images", "rejects")])


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
