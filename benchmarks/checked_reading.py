"""What it costs to check a cohort while it is read: reading with checksums against reading without them.

    python -m benchmarks.checked_reading COHORT

Writes the cohort's frames twice, with and without a checksum in every chunk, and reads both, in order and at random, in turns.
Says the ratio of the two times, and of opening tables with and without their checksums.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import FILES, OWN, SHARDS
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.writer import ARRAYS, file_checks

ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cohort", type=Path)
    cohort = Cohort.open(parser.parse_args().cohort)
    with tempfile.TemporaryDirectory() as folder:
        stored = {checked: _written(cohort, Path(folder) / str(checked), checked) for checked in (True, False)}
        for name, order in (("in order", None), ("at random", np.random.default_rng(0))):
            ratios, seconds = _compare(stored, cohort, order)
            print(f"frames {name}: {np.median(ratios):.3f} of the time without checks ({seconds * 1e3:.0f} ms)")
    ratios = [_tables(cohort, True) / _tables(cohort, False) for _ in range(ROUNDS)]
    print(f"tables: {np.median(ratios):.3f} of the time without checks")


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
