"""From drawn subjects to a cohort folder."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores, ordered_map
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.provenance import Input, combined_hash
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings, SplitSettings
from synthcmr.errors import SettingsError
from synthcmr.phantom.population import PRESETS, draw_subject
from synthcmr.phantom.render import RenderedSubject, render_subject
from synthcmr.phantom.subject import PhantomSubject
from synthcmr.privacy.ledger import EMPTY, LEDGER

VERSION = 3  # raise when the same preset, index and seed begin to give other pixels
SPLITS = ("train", "validation", "test")
CROP_MARGIN_MM = 30.0  # rendered beyond the crop: its middle is the middle of the masks, known only afterwards


def make_phantoms(
    out: Path,
    preset: str = "population",
    subjects: int = 100,
    frames: int = 2,
    seed: int = 0,
    preprocess: PreprocessSettings | None = None,
    workers: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    splits: Mapping[str, int] | None = None,
) -> Cohort:
    """Make a cohort of phantoms, or continue an interrupted one.

    Args:
        out: the cohort folder.
        preset: population, biased, vendors, everyone, acdc-like or varied.
        subjects: how many; the first n are the same whatever the number.
        frames: 1 (ED), 2 (ED and ES) or a whole cine of that many phases.
        seed: of the population.
        preprocess: as for real data; default 1.5 mm and 128x128.
        workers: processes.
        progress: called with (done, total, subject) after each subject.
        splits: how many of each split, for a preset that brings its splits; `subjects` is ignored then.

    Raises:
        SettingsError: the preset is unknown, or a number is out of range.
    """
    check_recipe(preset, subjects, frames)
    chosen = list(range(subjects)) if splits is None else _filling(preset, seed, splits)
    mode = "cine" if frames > 2 else "pair" if frames == 2 else "single"
    settings = (preprocess or PreprocessSettings()).model_copy(update={"frames": mode})
    recipe: dict[str, object] = {"preset": preset, "subjects": len(chosen), "frames": frames, "seed": seed}
    recipe |= {"phantom_version": VERSION} | ({} if splits is None else {"splits": dict(splits)})
    manifest = {"step": "phantom", **recipe, "settings": {"preprocess": settings.model_dump(mode="json")}}
    dtype = "float32" if settings.intensity == "none" else "float16"
    with CohortWriter(out, manifest, dtype, (settings.size or 256,) * 2) as writer:
        todo = [i for i in chosen if _case(i) not in writer.done]
        job = partial(make_record, preset=preset, frames=frames, seed=seed, settings=settings)
        done = len(chosen) - len(todo)
        for record in ordered_map(job, todo, workers or cores(), ["synthcmr.phantom.render"]):
            writer.add(record)
            done += 1
            if progress is not None:
                progress(done, len(chosen), record.case_id)
        recipe_hash = combined_hash(f"{k}={v}" for k, v in recipe.items())
        split = None if PRESETS[preset].brings_split else SplitSettings(seed=seed)
        writer.finish(
            split,
            [Input(f"phantom preset {preset}", "phantom", recipe_hash)],
            {"phantom": recipe, LEDGER: EMPTY.to_json()},
        )
    return Cohort.open(out)


def make_record(index: int, preset: str, frames: int, seed: int, settings: PreprocessSettings) -> SubjectRecord:
    """Draw, build and scan one subject."""
    return scanned(draw_subject(preset, index, seed), _case(index), frames, settings)


def scanned(
    subject: PhantomSubject, case: str, frames: int, settings: PreprocessSettings, level: str | None = None
) -> SubjectRecord:
    """Scan one subject and bring its images to the grid of a cohort.

    Args:
        subject: to be scanned.
        case: name of the record.
        frames: 1 (ED), 2 (ED and ES) or a whole cine of that many phases.
        settings: of the grid.
        level: basal, mid or apical: only a slice of that third is scanned, and its image stands for all.
    """
    rendered = render_subject(subject, frames, _rendered_size(subject, settings), level)
    raw = RawSubject(subject.subject_id, _attributes(subject), (_stack(rendered),), origin="phantom")
    record = to_record(raw, case, settings)
    attributes = record.attributes | ({"split": subject.split} if subject.split else {})
    return SubjectRecord(
        record.case_id, record.subject_id, attributes, record.images, record.rejects, truth=dict(rendered.truth)
    )


def _filling(preset: str, seed: int, splits: Mapping[str, int]) -> list[int]:
    """The first subjects of a preset that fill each split."""
    if not PRESETS[preset].brings_split:
        there = ", ".join(name for name, rules in PRESETS.items() if rules.brings_split)
        raise SettingsError(f"splits: expected a preset that brings its own, such as {there}; got '{preset}'")
    if not set(splits) <= set(SPLITS):
        raise SettingsError(f"splits: expected some of {', '.join(SPLITS)}; got {', '.join(splits)}")
    left, chosen = dict(splits), list[int]()
    for index in count():
        if not any(left.values()):
            return chosen
        split = draw_subject(preset, index, seed).split
        if left.get(split, 0) > 0:
            left[split] -= 1
            chosen.append(index)
    return chosen


def check_recipe(preset: str, subjects: int, frames: int) -> None:
    """Refuse what cannot be made, before anything is.

    Raises:
        SettingsError: the preset is unknown, or a number is out of range.
    """
    if preset not in PRESETS:
        raise SettingsError(f"--preset: expected one of {', '.join(PRESETS)}; got '{preset}'")
    if subjects < 1:
        raise SettingsError(f"--subjects: expected at least 1, got {subjects}")
    if not 1 <= frames <= 60:
        raise SettingsError(f"--frames: expected 1 (ED), 2 (ED and ES) or up to 60 phases of a cine, got {frames}")


def _case(index: int) -> str:
    return f"{index:06d}"


def _rendered_size(subject: PhantomSubject, settings: PreprocessSettings) -> tuple[int, int] | None:
    """Pixels to render so that the crop is covered; None renders the whole field of view."""
    if settings.size is None:
        return None
    pixel = subject.protocol.pixel_mm
    wanted = settings.size * (settings.spacing_mm or pixel) / pixel
    side = math.ceil(wanted + 2 * CROP_MARGIN_MM / pixel)
    return side, side


def _attributes(subject: PhantomSubject) -> dict[str, object]:
    protocol = subject.protocol
    return {
        "sex": subject.sex,
        "age": subject.age,
        "height_cm": subject.height_cm,
        "weight_kg": subject.weight_kg,
        "bmi": round(subject.bmi, 2),
        "diagnosis": subject.diagnosis,
        "systolic_bp": subject.systolic_bp,
        "heart_rate": subject.heart_rate,
        "vendor": protocol.vendor,
        "field_strength_t": protocol.field_strength_t,
        "centre": protocol.centre,
    }


def _stack(rendered: RenderedSubject) -> Stack:
    return Stack(
        image=rendered.image,
        mask=rendered.mask,
        spacing_mm=rendered.spacing_mm,
        slice_step_mm=rendered.slice_step_mm,
        phases=rendered.phases,
        affine=rendered.affine,
        slice_thickness_mm=rendered.slice_mm,
        trigger_ms=rendered.trigger_ms,
        slices_ordered=True,
    )
