"""One subject as it was read, labelled: what a worker process does. Masks that a person drew stay as they are, and are completed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import ALL_STRUCTURES, STRUCTURES, Label, Mask
from synthcmr.cohort.preprocess.heart import mask_centre
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.errors import ReadError
from synthcmr.judges.segmenter import Segmenter
from synthcmr.labelling.anatomy import one_heart
from synthcmr.labelling.measures import chosen_phases, measured, why_absent
from synthcmr.labelling.quality import Formula, shipped_formula, signs_of
from synthcmr.labelling.segmentation import HeartLocation, Segmentation, locate, native_labels, segment
from synthcmr.labelling.stack_views import AS_IT_IS
from synthcmr.training.weights import file_hash

THINNEST_MM = 3.0  # of a wall that the judge draws around a cavity that a reader drew

Bools = npt.NDArray[np.bool_]
CERTAIN = 0.2  # evidence of a heart that a person drew: as much as a clear one has
BORDER_PIXELS = 3
HASH_SHOWN = 12  # characters
BELIEVABLE = 0.25  # mean quality of a stack; of ACDC's hearts none had less, of images beside the heart all
LEAST_MM2 = 60.0  # of cavity and wall in the slice that shows most of them; below, it is no heart
CUT = "the heart reaches the border of the image, whose crop cuts it; ingest again with a larger --size, or 'full'"


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


@dataclass(frozen=True)
class LabelledStack:
    """A stack with the masks of a judge, and what was seen."""

    stack: Stack
    completed: Completed
    segmentation: Segmentation | None  # None: the judge was not used, or saw no heart
    place: HeartLocation | None
    measures: dict[str, float]
    quality: np.ndarray  # (frames, slices)
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Labeller:
    """Labels what a reader hands over. It pickles small: each process loads the judge once."""

    judge: Path
    complete: bool = True

    @property
    def name(self) -> str:
        """Who draws: the kind of judge and the beginning of the hash of its weights."""
        return f"segmenter {file_hash(self.judge)[:HASH_SHOWN]}"

    def __call__(self, raw: RawSubject) -> RawSubject:
        """The subject with masks, phases, qualities and measures; stacks without a heart become rejects."""
        outcomes = self.outcomes(raw.stacks)
        labelled = [one for one in outcomes if isinstance(one, LabelledStack)]
        lost = [(f"stack {k}", str(one)) for k, one in enumerate(outcomes) if isinstance(one, ReadError)]
        remarks = [
            (f"stack {k}", text)
            for k, one in enumerate(outcomes)
            if not isinstance(one, ReadError)
            for text in one.remarks
        ]
        return replace(
            raw,
            stacks=tuple(one.stack for one in labelled),
            rejects=(*raw.rejects, *lost),
            remarks=(*raw.remarks, *remarks),
            measures=subject_measures(labelled),
        )

    def outcomes(self, stacks: Sequence[Stack]) -> list["LabelledStack | ReadError"]:
        """Each stack labelled, or why it could not be."""
        outcomes: list[LabelledStack | ReadError] = []
        with _one_thread():
            for stack in stacks:
                try:
                    one = label_stack(loaded(self.judge), stack, self.complete)
                except ReadError as error:
                    outcomes.append(error)
                    continue
                named = replace(one.stack, columns={**one.stack.columns, "judge": self.name})
                outcomes.append(replace(one, stack=named))
        return outcomes


@lru_cache(maxsize=2)
def loaded(judge: Path) -> Segmenter:
    """A judge, once per process."""
    return Segmenter.load(judge)


def label_stack(judge: Segmenter, stack: Stack, fill: bool = True, formula: Formula | None = None) -> LabelledStack:
    """Label one stack.

    Args:
        judge: who draws.
        stack: as it was read, perhaps with masks of a person.
        fill: draw what a person's masks lack.
        formula: of the quality; default the shipped one.

    Raises:
        ReadError: the stack holds no image, or nothing in it looks like a heart.
    """
    check(stack)
    if is_complete(stack):
        return _kept(stack)
    by_person = _by_mask(stack)
    place = by_person or locate(judge, stack)
    if place is None:
        raise ReadError("no heart was found: nothing in it looks like a left ventricle in short axis")
    seen = segment(judge, stack, place)
    drawn = one_heart(native_labels(seen.probability, seen.where, (stack.image.shape[-2], stack.image.shape[-1])))
    completed = complete(stack, drawn, only_missing_frames=not fill)
    _check_heart(completed.mask, stack, place)
    phases = chosen_phases(stack, completed.mask)
    labelled = replace(stack, mask=completed.mask, labelled=completed.labelled, phases=phases)
    judged = _judged(labelled, completed, seen, place, formula or shipped_formula())
    if by_person is None:
        _check_believable(judged.quality)
    return judged


def _by_mask(stack: Stack) -> HeartLocation | None:
    """The heart is where a person drew one."""
    centre = None if stack.mask is None else mask_centre(stack.mask)
    if centre is None or stack.spacing_mm is None:
        return None
    return HeartLocation(centre, CERTAIN, AS_IT_IS, stack.spacing_mm)


def _kept(stack: Stack) -> LabelledStack:
    """A stack whose masks are all a person's, as it is."""
    assert stack.mask is not None
    by_hand = np.full(stack.image.shape[:2], "", dtype=object)
    structures = tuple(stack.labelled_in(t) for t in range(stack.frame_count))
    phased = replace(stack, phases=chosen_phases(stack, stack.mask))
    columns = {"judged": by_hand, "quality": np.full(by_hand.shape, None, dtype=object), "doubt": by_hand}
    kept = replace(phased, columns={**stack.columns, **columns})
    measures, _ = measured(kept, None, by_hand)
    quality = np.full(by_hand.shape, np.nan)
    return LabelledStack(kept, Completed(stack.mask, structures, by_hand), None, None, measures, quality, ())


def check(stack: Stack) -> None:
    """Refuse what holds no image, before a judge looks at it.

    Raises:
        ReadError: not finite, or the same value everywhere.
    """
    image = stack.image
    if 0 in image.shape:
        raise ReadError(f"expected an image, got one without pixels, {image.shape}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ReadError(f"expected finite intensities, got {int((~np.isfinite(image)).sum())} NaN or infinite pixels")
    if (low := image.min()) == image.max():
        raise ReadError(f"expected an image, got the constant value {low} everywhere")


def _check_heart(mask: Mask, stack: Stack, place: HeartLocation) -> None:
    pixel = place.spacing_mm[0] * place.spacing_mm[1]
    left = ((mask == Label.LV) | (mask == Label.MYOCARDIUM)).sum(axis=(2, 3)) * pixel
    if float(left.max()) < LEAST_MM2:
        raise ReadError(
            f"no heart was found: the largest left ventricle that was seen has {left.max():.0f} mm2, expected {LEAST_MM2:.0f} or more"
        )


def _check_believable(quality: np.ndarray) -> None:
    known = quality[np.isfinite(quality)]
    if known.size and float(known.mean()) < BELIEVABLE:
        raise ReadError(
            f"no heart was found: what was drawn is doubtful throughout, quality {known.mean():.2f} on average, "
            f"expected {BELIEVABLE} or more"
        )


def _judged(
    stack: Stack, completed: Completed, seen: Segmentation, place: HeartLocation, formula: Formula
) -> LabelledStack:
    signs = signs_of(seen, place.evidence)
    quality, doubts = formula.quality(signs), formula.doubts(signs)
    by_hand = completed.judged == ""  # all of it is a person's: the judge has nothing to doubt
    quality = np.where(by_hand, np.nan, quality)
    doubts[by_hand] = ""
    measures, _ = measured(stack, seen, completed.judged)
    columns: dict[str, Value | np.ndarray] = {
        "judged": completed.judged,
        "quality": _rounded(quality),
        "doubt": doubts,
    }
    if not place.scale_known:
        columns["pixel_guess_mm"] = place.spacing_mm[0]
    labelled = replace(stack, columns={**stack.columns, **columns})
    return LabelledStack(labelled, completed, seen, place, measures, quality, _remarks(stack, place))


def _rounded(quality: np.ndarray) -> np.ndarray:
    rounded = np.full(quality.shape, None, dtype=object)
    for where in zip(*np.nonzero(np.isfinite(quality)), strict=True):
        rounded[where] = round(float(quality[where]), 4)
    return rounded


def _remarks(stack: Stack, place: HeartLocation) -> tuple[str, ...]:
    remarks = []
    assert stack.mask is not None
    if touches_border(stack.mask):
        remarks.append(CUT)
    if place.pose != AS_IT_IS:
        remarks.append(f"the heart was found in the picture {place.pose}: it may lie otherwise than it should")
    if not place.scale_known:
        remarks.append(f"pixel spacing is unknown; the judge took {place.spacing_mm[0]:g} mm, and volumes are absent")
    return tuple(remarks)


def touches_border(mask: Mask) -> bool:
    """Whether a heart reaches the border of the image, or nearly so: judges shy away from the last pixels."""
    drawn = (mask != Label.BACKGROUND) & (mask != Label.UNLABELLED)
    inner = drawn[..., BORDER_PIXELS:-BORDER_PIXELS, BORDER_PIXELS:-BORDER_PIXELS]
    return bool(np.count_nonzero(drawn) > np.count_nonzero(inner))


def subject_measures(stacks: Sequence[LabelledStack]) -> dict[str, Value]:
    """One row of measures.parquet: of the stack that measures most, and has most slices; empty where there is none."""
    if not stacks:
        return {}
    best = max(stacks, key=lambda one: (len(one.measures), one.stack.slice_count))
    quality = np.concatenate([one.quality.ravel() for one in stacks])
    known = quality[np.isfinite(quality)]
    phases = best.stack.phases
    frames = best.stack.frame_indices or tuple(range(len(phases)))
    row: dict[str, Value] = dict(best.measures)
    row |= {f"{p.lower()}_frame": int(frames[phases.index(p)]) for p in ("ED", "ES") if p in phases}
    if reason := why_absent(best.stack):
        row["absent"] = reason
    if known.size:
        row |= {"quality": round(float(known.mean()), 4), "quality_lowest": round(float(known.min()), 4)}
    row["doubtful_slices"] = sum(int(np.count_nonzero(one.stack.columns["doubt"])) for one in stacks)
    row["judged_slices"] = int(known.size)
    return row


@contextmanager
def _one_thread() -> Iterator[None]:
    """More threads round differently, and bytes would depend on the number of workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
