"""End-diastole and end-systole from the volume of the left ventricle over the frames."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.raw import Stack

Curve = npt.NDArray[np.float64]
TIE = 0.005  # share of the largest volume: a cine starts at the R wave, so its first frame wins a tie
CINE_FROM = 5  # frames: of fewer, nobody knows that they go round


def chosen_phases(stack: Stack, mask: Mask) -> tuple[str, ...]:
    """Phases of the frames: what the source says, else the fullest and the emptiest frame of the left ventricle.

    A single frame, and frames without a left ventricle, stay without a phase.
    """
    if "ED" in stack.phases or "ES" in stack.phases or stack.frame_count == 1:
        return stack.phases
    found = extremes(mask)
    if found is None:
        return stack.phases
    ed, es = found
    return tuple("ED" if t == ed else "ES" if t == es else "" for t in range(stack.frame_count))


def extremes(mask: Mask) -> tuple[int, int] | None:
    """The frames in which the left ventricle is largest and smallest; None where it is nowhere, or never changes.

    Args:
        mask: (frames, slices, rows, columns).
    """
    areas = (mask == Label.LV).sum(axis=(2, 3)).astype(np.float64)  # (frames, slices)
    if not areas.any():
        return None
    always = (areas > 0).all(axis=0)
    if always.any():  # slices that come and go at the base would make the curve jump
        ed, es = _ends(areas[:, always].sum(axis=1))
    else:
        ed, es = _ends(areas.sum(axis=1))
    return None if ed == es else (ed, es)


def _ends(volume: Curve) -> tuple[int, int]:
    smooth = smoothed(volume)
    ed = 0 if smooth[0] >= (1.0 - TIE) * smooth.max() else int(smooth.argmax())
    return ed, int(smooth.argmin())


def smoothed(volume: Curve) -> Curve:
    """A curve of a cine without its jitter: each frame with its neighbours, going round."""
    if len(volume) < CINE_FROM:
        return volume
    return 0.25 * np.roll(volume, 1) + 0.5 * volume + 0.25 * np.roll(volume, -1)
