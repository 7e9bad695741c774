"""Animated GIF: a stack beats as a mosaic of its slices, for slides, pages and chats."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.frame_times import FrameDurations, frame_durations
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.dicom_headers import is_synthetic
from synthcmr.cohort.writers.export import (
    ExportRun,
    Progress,
    WriteSummary,
    attribute_columns,
    each_subject,
    export,
    write_csv,
)
from synthcmr.cohort.writers.subjects import Subject
from synthcmr.errors import WriteError

TABLE, FOLDER = "cines.csv", "cines"
COLUMNS = (
    *("cine", "subject_id", "stack", "frames", "slices", "cycle_ms", "timing"),
    *("intensity_low", "intensity_high", "origin", "split"),
)
WHITE_PERCENTILE = 99.8  # of the whole stack: a few bright vessels would make the heart dark
TICK_MS = 10  # GIF counts time in hundredths of a second
SHORTEST_MS = 20  # browsers play shorter frames at a tenth of a second
BANNER_ROWS = 14
Greys = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class GifWriter:
    """`cines/SUBJECT_STACK.gif`, which loop with slices side by side from base to apex, and cines.csv."""

    name = "gif"
    about = "animated GIF cines/, the slices of a stack side by side, with cines.csv"

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write a file per stack, and the table."""
        with export(cohort, dest, {"writer": self.name}, overwrite) as summary:
            (dest / FOLDER).mkdir()
            run = _GifExport(dest, summary)
            for subject in each_subject(cohort, summary, progress):
                run.add(subject)
            columns = [*COLUMNS, *(c for c in attribute_columns(cohort) if c not in COLUMNS)]
            write_csv(dest / TABLE, run.cines, columns)
            summary.files += 1
        return summary


@dataclass
class _GifExport(ExportRun):
    cines: list[dict[str, Any]] = field(default_factory=list)  # rows of the table

    def add(self, subject: Subject) -> None:
        """Write every stack of a subject."""
        if self.write_stacks(subject, lambda stack: self._add_stack(subject, stack)):
            self.summary.subjects += 1

    def _add_stack(self, subject: Subject, stack: SubjectStack) -> None:
        """Write one stack.

        Raises:
            WriteError: it does not move.
        """
        if stack.frame_count < 2:
            raise WriteError("a single frame does not play; --format png writes it")
        durations = frame_durations(stack.trigger_ms, stack.frame_count, subject.attributes.get("heart_rate"))
        if stack.frame_count == 2:  # times of ED and ES say nothing of how long a heartbeat lasts
            durations = frame_durations((), 2, subject.attributes.get("heart_rate"))
            self.summary.note("stacks of ED and ES alone flip between the two; cines have all phases (--frames 20)")
        if durations.source.startswith("assumed"):
            self.summary.note(f"where neither frame times nor a heart rate are known, cines play as {durations.source}")
        low, high = grey_range(stack.image)
        file = f"{self.names.give(f'{subject.subject_id}_{stack.stack}')}.gif"
        (self.root / FOLDER / file).write_bytes(stack_gif(stack, durations))
        self.summary.files += 1
        own = {"cine": f"{FOLDER}/{file}", "subject_id": subject.subject_id, "stack": stack.stack}
        size = {"frames": stack.frame_count, "slices": len(stack.slice_indices)}
        time = {"cycle_ms": round(durations.cycle_ms, 1), "timing": durations.source}
        grey = {"intensity_low": low, "intensity_high": high, "origin": stack.origin, "split": subject.split}
        self.cines.append({**subject.attributes, **own, **size, **time, **grey})


def stack_gif(stack: SubjectStack, durations: FrameDurations) -> bytes:
    """All slices of a stack side by side; where no patient was scanned, a line above them says so."""
    frames = mosaic(grey_values(stack.image, *grey_range(stack.image)))
    origin = f"synthcmr: {stack.origin}"
    if is_synthetic(stack.origin):
        frames, origin = with_banner(frames, "SYNTHETIC"), f"SYNTHETIC DATA, {origin}"
    return animated_gif(frames, durations, origin)


def grey_range(image: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Intensities that become black and white, the same for all slices and frames of a stack."""
    low = min(0.0, float(image.min()))
    return low, max(float(np.percentile(image, WHITE_PERCENTILE)), low + 1e-6)


def grey_values(image: npt.NDArray[np.floating], low: float, high: float) -> Greys:
    """Eight bits, even between both ends."""
    grey: Greys = np.rint(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return grey


def mosaic(frames: Greys) -> Greys:
    """(frames, slices, rows, columns) as (frames, rows, columns): slices in reading order, black where none is left."""
    count, slices, rows, columns = frames.shape
    across = ceil(sqrt(slices))
    down = ceil(slices / across)
    cells = np.zeros((count, down * across, rows, columns), dtype=np.uint8)
    cells[:, :slices] = frames
    tiled = cells.reshape(count, down, across, rows, columns).swapaxes(2, 3)
    return tiled.reshape(count, down * rows, across * columns)


def with_banner(frames: Greys, text: str) -> Greys:
    """The frames below a black line with white text; no pixel of the image is covered."""
    from PIL import Image, ImageDraw

    banner = Image.new("L", (frames.shape[2], BANNER_ROWS), 0)
    ImageDraw.Draw(banner).text((2, 1), text, fill=255)
    line = np.broadcast_to(np.asarray(banner), (len(frames), BANNER_ROWS, frames.shape[2]))
    return np.concatenate([line, frames], axis=1)


def animated_gif(frames: Greys, durations: FrameDurations, comment: str) -> bytes:
    """A GIF that loops for ever, its 256 colours the 256 greys of every frame.

    Args:
        frames: (frames, rows, columns).
        durations: of the frames.
        comment: kept in the file.
    """
    from PIL import Image

    first, *others = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=ticks(durations.ms),
        loop=0,
        optimize=False,  # each frame keeps the same 256 greys
        comment=comment.encode("ascii", "replace"),
    )
    return buffer.getvalue()


def ticks(ms: tuple[float, ...]) -> list[int]:
    """Durations in whole ticks; what one frame loses in rounding the next one gets, so that the heart keeps its rate."""
    ends = np.rint(np.cumsum(ms) / TICK_MS).astype(int) * TICK_MS
    return [max(int(d), SHORTEST_MS) for d in np.diff(ends, prepend=0)]
