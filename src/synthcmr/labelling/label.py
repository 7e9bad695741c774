"""The verb: a cohort, or files, in; a labelled cohort out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.ingest import IngestPlan, ingest, plan_ingest
from synthcmr.cohort.joining import storage
from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.writer import COHORT_FILE, WORK, CohortWriter
from synthcmr.config import IngestSettings, settings_from_dict
from synthcmr.errors import CohortError, SettingsError
from synthcmr.labelling.labeller import Labeller, loaded
from synthcmr.labelling.result import LabelResult
from synthcmr.labelling.settings import LabelSettings
from synthcmr.labelling.subject_source import label_member, members, opened_once
from synthcmr.privacy.ledger import LEDGER
from synthcmr.training.device import networks_at_once
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import file_hash, weights_file
from synthcmr.training.weights_ledger import judge_ledger

Progress = Callable[[int, int, str], None]


def label(
    source: "Cohort | IngestPlan | Path | str",
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
    forget()
    workers = workers or networks_at_once()
    labeller = Labeller(judge_weights(settings.judge), settings.complete)
    if isinstance(source, (Path, str)):
        source = opened(Path(source), settings)
    if isinstance(source, IngestPlan):
        return LabelResult(_label_files(source, Path(out), labeller, settings, workers, strict, progress))
    return LabelResult(_label_cohort(source, Path(out), labeller, settings, workers, progress))


def forget() -> None:
    """Read judge and cohort anew: where they lie there may be others by now, whose ledgers are others."""
    loaded.cache_clear()
    opened_once.cache_clear()


def opened(source: Path, settings: LabelSettings) -> "Cohort | IngestPlan":
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
    also, looked = {"label": _record(labeller, settings)}, judge_ledger(labeller.judge)
    return ingest(plan, out, workers, strict, progress, labeller, also, looked)


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
        preload = ["synthcmr.labelling.subject_source", NETWORKS]
        for record in ordered_map(job, todo, workers, preload):
            writer.add(record)
            done += 1
            if progress is not None:
                progress(done, len(listed), record.case_id)
        inputs = [
            Input(str(cohort.path), "cohort", cohort.hash),
            Input(labeller.name, "judge", file_hash(labeller.judge)),
        ]
        facts = {k: v for k, v in cohort.info.items() if k in ("phantom", "generated", "reader")}
        writer.finish(None, inputs, facts | {LEDGER: (cohort_ledger(cohort) | judge_ledger(labeller.judge)).to_json()})
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
