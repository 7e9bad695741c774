"""The verb: a cohort (whose subjects are handed over as a reader would), or files, in; a labelled cohort out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.ingest import IngestPlan, ingest, plan_ingest
from synthcmr.cohort.joining import storage
from synthcmr.cohort.labels import Label
from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.cohort.preprocess import preprocess
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.raw import Stack
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.tables import IMAGE_TYPES, is_present
from synthcmr.cohort.writer import COHORT_FILE, WORK, CohortWriter
from synthcmr.config import IngestSettings, PreprocessSettings, settings_from_dict
from synthcmr.errors import CohortError, ReadError, SettingsError
from synthcmr.labelling.labeller import CUT, LabelledStack, Labeller, subject_measures
from synthcmr.labelling.result import LabelResult
from synthcmr.labelling.settings import LabelSettings
from synthcmr.training.device import networks_at_once
from synthcmr.training.shipped import shipped
from synthcmr.training.weights import file_hash, weights_file

SOURCE = "source_slice"  # column of a stack while it is labelled: which slice of the cohort it was
CARRIED = ("intensity_low", "intensity_high")  # what a row says that its pixels do not
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Member:
    """One subject of a cohort, by its images."""

    subject_id: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """Rows of one stack put together, and which frames belonged to one row."""

    stack: Stack
    number: int
    groups: tuple[tuple[int, ...], ...]


def members(cohort: Cohort) -> list[Member]:
    """The subjects of a cohort or of a selection."""
    ids = cohort.images.groupby("subject_id")["image_id"].agg(tuple)
    return [Member(str(name), ids[name]) for name in cohort.subjects["subject_id"] if name in ids.index]


@lru_cache(maxsize=2)
def _opened(path: Path) -> Cohort:
    return Cohort.open(path)


def label_member(member: Member, path: Path, labeller: Labeller, settings: LabelSettings, dtype: str) -> SubjectRecord:
    """Read, label and crop one subject of a cohort. Never raises for bad data: what is wrong comes back as rejects."""
    cohort = _opened(path)
    own = cohort.with_images(member.images)
    name = member.subject_id
    joined = [part for group in _by_number(own.stacks(name)) for part in _joined(group)]
    outcomes = labeller.outcomes([one.stack for one in joined])
    rejects = [
        Reject(name, f"stack {j.number}", str(one))
        for j, one in zip(joined, outcomes, strict=True)
        if isinstance(one, ReadError)
    ]
    labelled = [(j, one) for j, one in zip(joined, outcomes, strict=True) if isinstance(one, LabelledStack)]
    rejects += [Reject(name, f"stack {j.number}", text, "note") for j, one in labelled for text in one.remarks]
    if not labelled:
        return SubjectRecord(name, None, rejects=tuple(rejects))
    origin = str(own.images["origin"].iloc[0])
    rows = {(int(row["stack"]), int(row["slice_index"])): row for row in own.images.to_dict("records")}
    images = [
        _carried(image, rows, dtype, CUT in one.remarks)
        for j, one in labelled
        for image in _rows(one.stack, j, name, origin, settings)
    ]
    attributes = _present(own.subjects.iloc[0].to_dict())
    truth = _present(cohort.truth.set_index("subject_id").loc[name].to_dict()) if cohort.has_truth else {}
    measures = subject_measures([one for _, one in labelled])
    return SubjectRecord(name, name, attributes, tuple(images), tuple(rejects), truth, measures)


def _present(row: dict[Any, Any]) -> dict[str, Value]:
    return {str(k): v for k, v in row.items() if k != "subject_id" and is_present(v)}


def _by_number(stacks: Sequence[SubjectStack]) -> list[list[SubjectStack]]:
    """Stacks of one number and the same slices: single frames of one acquisition."""
    groups: dict[tuple[object, ...], list[SubjectStack]] = {}
    for one in stacks:
        groups.setdefault((one.stack, one.slice_indices, one.spacing_mm, one.image.shape[2:]), []).append(one)
    return list(groups.values())


def _joined(group: Sequence[SubjectStack]) -> list[Joined]:
    """One stack of all their frames, where no frame is there twice."""
    numbers = [n for one in group for n in one.frame_indices]
    if len(set(numbers)) < len(numbers):
        return [part for one in group for part in _joined([one])] if len(group) > 1 else [_as_read(group)]
    return [_as_read(sorted(group, key=lambda one: one.frame_indices))]


def _as_read(group: Sequence[SubjectStack]) -> Joined:
    first = group[0]
    mask = np.concatenate([one.mask for one in group])
    labelled = tuple(tuple(part for part in text.split(",") if part) for one in group for text in one.labelled)
    sizes = [len(one.phases) for one in group]
    starts = np.cumsum([0, *sizes])
    slices = np.array(first.slice_indices, dtype=object)
    stack = Stack(
        image=np.concatenate([one.image for one in group]),
        mask=mask if any(labelled) else None,
        spacing_mm=first.spacing_mm,
        slice_step_mm=first.slice_step_mm,
        phases=tuple(phase for one in group for phase in one.phases),
        labelled=labelled if any(labelled) else (),
        affine=first.affine,
        slice_thickness_mm=first.slice_thickness_mm,
        frame_indices=tuple(n for one in group for n in one.frame_indices),
        trigger_ms=tuple(t for one in group for t in one.trigger_ms),
        slice_indices=first.slice_indices,
        slices_ordered=any((one.mask == Label.LV).any() for one in group),  # ingest has turned them base first
        columns={SOURCE: np.broadcast_to(slices, (sum(sizes), len(slices)))},
    )
    groups = tuple(tuple(range(a, b)) for a, b in pairwise(int(n) for n in starts))
    return Joined(stack, first.stack, groups)


def _rows(stack: Stack, joined: Joined, subject_id: str, origin: str, settings: LabelSettings) -> list[ImageRecord]:
    """Image rows, cropped around the heart where the images are larger than that; pixels are never resampled."""
    larger = settings.size is not None and max(stack.image.shape[-2:]) > settings.size
    frames = "auto" if settings.frames == "keep" else settings.frames
    asis = PreprocessSettings.lossless().model_copy(
        update={"size": settings.size if larger else None, "centre": "mask" if larger else "middle", "frames": frames}
    )
    groups = joined.groups if settings.frames == "keep" else None
    return preprocess(stack, subject_id, joined.number, origin, asis, groups)


def _carried(image: ImageRecord, rows: dict[tuple[int, int], dict[Any, Any]], dtype: str, cut: bool) -> ImageRecord:
    """A row with what its source said of it, which its pixels do not: intensities, areas of a person's masks, seeds."""
    extra = dict(image.extra)
    source = extra.pop(SOURCE)
    assert isinstance(source, tuple)
    row = rows[(image.stack, int(str(source[0])))]
    further = {str(k): _plain(v) for k, v in row.items() if k not in IMAGE_TYPES and k not in extra and is_present(v)}
    kept = {name: _plain(row[name]) for name in CARRIED if is_present(row[name])}
    return replace(
        image,
        image=image.image.astype(dtype),
        heart_cut=cut or image.heart_cut or bool(row["heart_cut"]),
        extra={**further, **extra},
        **kept,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, list)):
        return tuple(_plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def label(
    source: Cohort | IngestPlan | Path | str,
    out: Path | str,
    options: LabelSettings | None = None,
    *,
    workers: int | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    **fields: Any,
) -> LabelResult:
    """Segment every frame of every slice, choose ED and ES, crop around the heart, and write a cohort; or continue one.

    Args:
        source: a cohort (folder), a plan of `plan_ingest`, or files that ingest would read.
        out: the cohort folder to make.
        options: settings; or give its fields by name.
        workers: processes; default one per core, or a few per GPU.
        strict: stop at the first thing that cannot be read; of files only.
        progress: called with (done, total, subject) after each subject.
        **fields: fields of `LabelSettings`.

    Raises:
        SettingsError: an option has a value that cannot be used.
        CohortError: `out` holds something else, or no heart was found in anything.

    Example:
        >>> result = label("my_cines", "labelled")  # doctest: +SKIP
        >>> result.table[["subject_id", "lv_edv_ml", "lv_ef_percent", "quality"]]  # doctest: +SKIP
    """
    settings = options or settings_from_dict(fields, LabelSettings, "label settings")
    if options is not None and fields:
        raise SettingsError(
            f"label: expected either options or {', '.join(fields)} by name, got both; put them into options"
        )
    workers = workers or networks_at_once()
    labeller = Labeller(judge_weights(settings.judge), settings.complete)
    if isinstance(source, (Path, str)):
        source = opened(Path(source), settings)
    if isinstance(source, IngestPlan):
        return LabelResult(_label_files(source, Path(out), labeller, settings, workers, strict, progress))
    return LabelResult(_label_cohort(source, Path(out), labeller, settings, workers, progress))


def opened(source: Path, settings: LabelSettings) -> Cohort | IngestPlan:
    """A cohort, or a plan to read files whose heart is found before they are cropped."""
    if (source / COHORT_FILE).exists() or (source / WORK).exists():
        return Cohort.open(source)
    wanted = IngestSettings()
    frames = "cine" if settings.frames == "keep" else settings.frames  # all frames of a stack, be they two or thirty
    preprocess = wanted.preprocess.model_copy(update={"size": settings.size, "frames": frames})
    return plan_ingest(source, wanted.model_copy(update={"preprocess": preprocess}))


def judge_weights(judge: str | None) -> Path:
    """The weights file of a judge: of a run folder, the file itself, or the shipped one."""
    return shipped("segmenter") if judge is None else weights_file(Path(judge))


def _label_files(
    plan: IngestPlan,
    out: Path,
    labeller: Labeller,
    settings: LabelSettings,
    workers: int,
    strict: bool,
    progress: Progress | None,
) -> Cohort:
    return ingest(plan, out, workers, strict, progress, labeller, {"label": _record(labeller, settings)})


def _record(labeller: Labeller, settings: LabelSettings) -> dict[str, object]:
    """What decides the labels; the judge by its hash, wherever it lies."""
    return {**settings.model_dump(mode="json", exclude={"judge"}), "judge": labeller.name}


def _label_cohort(
    cohort: Cohort,
    out: Path,
    labeller: Labeller,
    settings: LabelSettings,
    workers: int,
    progress: Progress | None,
) -> Cohort:
    if out.resolve() == cohort.path.resolve():
        raise SettingsError(f"{out}: expected another folder than that of the cohort, which is never changed")
    manifest = {
        "step": "label",
        "cohort": cohort.hash,
        "images": len(cohort),
        "label": _record(labeller, settings),
        "settings": _with_size(cohort.info.get("settings", {}), settings),
    }
    kind, rows, columns = storage(cohort)
    side = (settings.size or rows, settings.size or columns)
    with CohortWriter(out, manifest, kind, side) as writer:
        listed = members(cohort)
        todo = [member for member in listed if member.subject_id not in writer.done]
        done = len(listed) - len(todo)
        job = partial(label_member, path=cohort.path, labeller=labeller, settings=settings, dtype=kind)
        preload = ["synthcmr.labelling.label", NETWORKS]
        for record in ordered_map(job, todo, workers, preload):
            writer.add(record)
            done += 1
            if progress is not None:
                progress(done, len(listed), record.case_id)
        inputs = [
            Input(str(cohort.path), "cohort", cohort.hash),
            Input(labeller.name, "judge", file_hash(labeller.judge)),
        ]
        writer.finish(None, inputs, {k: v for k, v in cohort.info.items() if k in ("phantom", "generated", "reader")})
    return _checked(Cohort.open(out))


def _with_size(recorded: dict[str, Any], settings: LabelSettings) -> dict[str, Any]:
    """The settings of the source, with the crop as it is now, so that others can be preprocessed alike."""
    if "preprocess" not in recorded or settings.size is None:
        return recorded
    before = recorded["preprocess"].get("size")
    size = settings.size if before is None else min(before, settings.size)
    return {**recorded, "preprocess": {**recorded["preprocess"], "size": size}}


def _checked(cohort: Cohort) -> Cohort:
    if cohort.info["images"] == 0:
        first = cohort.rejects.iloc[0]
        raise CohortError(
            f"{cohort.path}: no heart was found in any subject; first: {first['case_id']}: {first['reason']}; "
            f"all reasons are in {cohort.path / 'rejects.parquet'}"
        )
    return cohort
