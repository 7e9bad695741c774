"""Phases of a cine: which frames are end-diastole and end-systole, and which become one image row."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.raw_subject import Stack
from synthcmr.config import FrameMode
from synthcmr.errors import ReadError

SYSTOLE_WINDOW = (0.15, 0.60)  # share of the cycle in which the ventricle is smallest
MIN_CINE_FRAMES = 6  # fewer do not sample a heartbeat
MOVING_SHARE = 0.02  # of the pixels: those that change most are the heart


def choose_phases(
    image: npt.NDArray[np.generic], mask: Mask | None, labelled: tuple[tuple[str, ...], ...], stated: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the phase of each frame of a cine that starts at the R wave.

    End-diastole is the first frame (where masks leave it out: the labelled frame with the largest cavity), end-systole
    the labelled frame with the smallest cavity. Without masks it is estimated from the image.

    Args:
        image: (frames, slices, rows, columns).
        mask: same shape with canonical labels, or None.
        labelled: per frame the structures the mask draws.
        stated: per frame what the headers say ("ED", "ES" or ""); where they name any frame, they are believed.

    Returns:
        "ED", "ES" or "" per frame, and notes on what was estimated.
    """
    count = image.shape[0]
    if any(stated):
        return stated, ()
    areas = {} if mask is None else {t: _cavity(mask[t]) for t in range(count) if "lv" in labelled[t]}
    if len(areas) >= 2:
        ed = 0 if 0 in areas else max(areas, key=lambda t: areas[t])
        es = min((t for t in areas if t != ed), key=lambda t: areas[t])
        return phase_names(count, ed, es), ()
    if count < MIN_CINE_FRAMES:
        return ("",) * count, ()
    es = estimate_es(image)
    return phase_names(count, 0, es), ("ES frame estimated from the images",)


def phase_names(count: int, ed: int | None, es: int | None) -> tuple[str, ...]:
    """Names of `count` frames of which two are known."""
    return tuple("ED" if t == ed else "ES" if t == es else "" for t in range(count))


def systole_frames(count: int) -> range:
    """Frames in which end-systole may lie, for a cine that starts at the R wave."""
    low, high = (round(share * (count - 1)) for share in SYSTOLE_WINDOW)
    return range(max(low, 1), max(high, low, 1) + 1)


def estimate_es(image: npt.NDArray[np.generic]) -> int:
    """The frame, within systole's share of the cycle, whose moving region differs most from the first frame.

    Args:
        image: (frames, slices, rows, columns); the first frame is end-diastole.
    """
    from scipy.ndimage import gaussian_filter

    frames = image.astype(np.float32)
    spread = gaussian_filter(frames.std(axis=0), (0, 4, 4))
    weight = np.where(spread >= np.quantile(spread, 1 - MOVING_SHARE), spread, 0)
    smooth = gaussian_filter(frames, (0.7, 0, 1, 1), mode=("wrap", "nearest", "nearest", "nearest"))
    differences = [float((weight * np.abs(frame - smooth[0])).sum()) for frame in smooth]
    return max(systole_frames(len(frames)), key=lambda t: differences[t])


def _cavity(mask: Mask) -> int:
    return int((mask == Label.LV).sum())


def frame_groups(stack: Stack, mode: FrameMode) -> list[tuple[int, ...]]:
    """Group a stack's frames into image rows.

    Returns:
        One tuple of frame positions per row: `single` gives each known phase (all frames where none is known), `pair`
        gives (ED, ES), `cine` gives all in order; `auto` takes the pair, else the cine, else single frames.

    Raises:
        ReadError: a pair was asked of a stack that lacks ED or ES.
    """
    ed, es = _first(stack, "ED"), _first(stack, "ES")
    if mode == "auto":
        mode = "pair" if ed is not None and es is not None else "cine" if stack.frame_count > 2 else "single"
    if mode == "cine":
        return [tuple(range(stack.frame_count))]
    if mode == "pair":
        if ed is None or es is None:
            raise ReadError(_missing_pair(stack))
        return [(ed, es)]
    named = [i for i in range(stack.frame_count) if stack.phases[i]]
    return [(i,) for i in (named or range(stack.frame_count))]


def _first(stack: Stack, phase: str) -> int | None:
    return stack.phases.index(phase) if phase in stack.phases else None


def _missing_pair(stack: Stack) -> str:
    have = ", ".join(sorted({p or "unknown" for p in stack.phases}))
    return f"expected an ED and an ES frame for --frames pair, got {stack.frame_count} frame(s) of phase: {have}; use --frames single"
