"""Masks that a person drew stay as they are; the judge draws what is missing around them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import ALL_STRUCTURES, STRUCTURES, Label, Mask
from synthcmr.cohort.raw import Stack

THINNEST_MM = 3.0  # of a wall that the judge draws around a cavity that a reader drew

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Completed:
    """A mask, and who drew what in it."""

    mask: Mask  # (frames, slices, rows, columns)
    labelled: tuple[tuple[str, ...], ...]  # per frame, structures that the mask draws
    judged: npt.NDArray[np.object_]  # (frames, slices), e.g. "myo,rv": structures that the judge drew


def complete(stack: Stack, labels: Mask, only_missing_frames: bool = False) -> Completed:
    """Fill in what no reader drew.

    Args:
        stack: with the masks of a person, if there are any.
        labels: what the judge would draw, same shape.
        only_missing_frames: leave every frame alone in which a person drew something.
    """
    mask = labels.copy()
    judged = np.full(labels.shape[:2], ",".join(ALL_STRUCTURES), dtype=object)
    labelled = [ALL_STRUCTURES] * stack.frame_count
    if stack.mask is None:
        return Completed(mask, tuple(labelled), judged)
    for t in range(stack.frame_count):
        own = stack.labelled_in(t)
        if not own:
            continue
        if only_missing_frames:
            mask[t], judged[t], labelled[t] = stack.mask[t], "", own
            continue
        drawn = _drawn(stack.mask[t])
        for z in range(stack.slice_count):
            mask[t, z], judged[t, z] = _slice(stack.mask[t, z], labels[t, z], own, _situation(drawn, z), stack)
    return Completed(mask, tuple(labelled), judged)


def is_complete(stack: Stack) -> bool:
    """Whether a person drew every structure in every frame, so that nothing is left for a judge."""
    if stack.mask is None:
        return False
    whole = all(set(stack.labelled_in(t)) == set(ALL_STRUCTURES) for t in range(stack.frame_count))
    return whole and not bool((stack.mask == Label.UNLABELLED).all(axis=(2, 3)).any())


def _drawn(mask: Mask) -> Bools:
    """Slices with something drawn."""
    return np.asarray(((mask != Label.BACKGROUND) & (mask != Label.UNLABELLED)).any(axis=(1, 2)))


def _situation(drawn: Bools, z: int) -> str:
    """Whether a slice was drawn in, lies between such slices, or beyond them."""
    where = np.flatnonzero(drawn)
    if drawn[z]:
        return "drawn"
    return "between" if where.size and where[0] < z < where[-1] else "beyond"


def _slice(own: Mask, judge: Mask, structures: tuple[str, ...], situation: str, stack: Stack) -> tuple[Mask, str]:
    """One slice completed, and what the judge drew in it."""
    unseen = bool((own == Label.UNLABELLED).all())
    whole = set(structures) == set(ALL_STRUCTURES)
    if (situation == "between" and unseen) or (whole and unseen):
        return judge, ",".join(ALL_STRUCTURES)
    if whole:
        return own, ""
    missing = [name for name in ALL_STRUCTURES if name not in structures]
    out = np.zeros_like(judge)
    for name in missing:
        out[judge == STRUCTURES[name]] = STRUCTURES[name]
    if "lv" in structures and "myo" in missing:
        out = _walled(out, own == Label.LV, judge, stack.spacing_mm) if situation == "drawn" else _without_wall(out)
    for name in structures:
        out[own == STRUCTURES[name]] = STRUCTURES[name]
    return out, ",".join(missing)


def _walled(out: Mask, cavity: Bools, judge: Mask, spacing_mm: tuple[float, float] | None) -> Mask:
    """The judge's wall, fitted to a cavity that a person drew: what the judge took for cavity beyond it is wall."""
    from scipy.ndimage import distance_transform_edt

    walled = out.copy()
    walled[(judge == Label.LV) & ~cavity] = Label.MYOCARDIUM
    if (walled == Label.MYOCARDIUM).any() and cavity.any():
        away = distance_transform_edt(~cavity, sampling=spacing_mm or (1.5, 1.5))
        walled[(away > 0) & (away <= THINNEST_MM)] = Label.MYOCARDIUM
    return walled


def _without_wall(out: Mask) -> Mask:
    """A person saw no cavity here, so that there is no wall around one."""
    bare = out.copy()
    bare[bare == Label.MYOCARDIUM] = Label.BACKGROUND
    return bare
