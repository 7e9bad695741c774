"""Train a generator on a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Changes, Names, Options, PathOrName
from synthcmr.verbs.public import public
from synthcmr.verbs.trained_run import ANATOMY, TrainedRun, expect_other_run, training_observer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.config import Settings
    from synthcmr.generators.conditional.settings import ConditionalSettings
    from synthcmr.generators.interface import Generator
    from synthcmr.training.settings import LoopSettings
    from synthcmr.verbs.folders import CohortLike


class TrainOptions(Options):
    """How a generator is trained.

    Example:
        >>> import synthcmr
        >>> synthcmr.TrainOptions(preset="24g", set={"loop.steps": 5000}).preset
        '24g'
    """

    preset: str = Field("cpu", description="Settings for a machine: cpu, or a GPU with 8g, 24g or 80g.")
    settings: Path | None = Field(None, description="YAML file with 'model' and 'loop' settings over the preset's.")
    set: Changes = Field(
        (),
        description="One setting over the preset's, e.g. --set loop.steps=5000; 'synthcmr families NAME' lists them.",
    )
    balance: Names = Field(None, description="Attributes whose values are sampled evenly, e.g. sex,diagnosis.")
    init_from: PathOrName = Field(
        None,
        description="Begin from weights: 'phantom', or a run folder of the same family (refine-once: also of a refine; "
        "diffusion: also of a flow; gan: also of a vae; few-step: of the flow that is distilled).",
    )
    rank: int | None = Field(
        None, ge=1, le=4096, description="With --init-from: train only low-rank additions of this rank (LoRA)."
    )
    dp: str | None = Field(
        None,
        description="Differential privacy of subjects, e.g. epsilon=8 or epsilon=8,delta=1e-5; with subjects_in_cohort=N where the "
        "number of subjects is public, otherwise it is counted with noise.",
    )
    slurm: str | None = Field(None, description="Submit to this SLURM partition instead of training here.")
    overwrite: bool = Field(False, description="Replace an existing run.")


@public
def train(
    family: str, cohort: CohortLike, run: Path | str, options: TrainOptions | None = None, **changes: Any
) -> TrainedRun:
    """Train a generator on the training split of a cohort.

    A run that was stopped or killed goes on when the same call is repeated. A generator that refines phantoms is calibrated
    afterwards: its greys, the times of its steps and where phantoms begin are measured.

    Args:
        family: refine, refine-once, flow, diffusion, latent, gan, vae, few-step, stable, or one from outside; anatomy for the
            generator of masks, whose file (.npz) `run` then names.
        cohort: a cohort or its folder.
        run: run folder to make: settings, metrics, sheets of samples, curves and the weights.
        options: how it is trained.
        changes: fields of `TrainOptions`, in place of `options` or over them.

    Returns:
        The run with its generator.

    Raises:
        SettingsError: no such family or preset, a setting that is not allowed, or options that cannot be combined.
        CohortError: the cohort or the weights to begin from are not what they should be.

    Example:
        >>> import synthcmr
        >>> trained = synthcmr.train("refine", "people", "runs/refine", set={"loop.steps": 500})
        >>> print(trained.summary())
        >>> losses = trained.table[["step", "held_out"]]
        >>> generated = synthcmr.generate("generated", run=trained.run, subjects=2)
    """
    chosen, run = TrainOptions.of(options, changes), Path(run)
    from synthcmr.verbs.folders import cohort_of, expect_apart_from

    if chosen.slurm is not None:
        return _submitted(family, cohort, run, chosen, chosen.slurm)
    if family == ANATOMY:
        from synthcmr.verbs.trained_anatomy import trained_anatomy

        return trained_anatomy(cohort_of(cohort), run, chosen.dp, chosen.overwrite)
    model, loop = _settings(family, chosen)
    from synthcmr.training.images import check_balance

    learned = cohort_of(cohort)
    check_balance(learned, loop.balance)
    expect_other_run(run, chosen.init_from)
    expect_apart_from(run, (cohort,))
    from synthcmr.cohort.output_place import build
    from synthcmr.evaluation.sample_scores import sample_scores
    from synthcmr.generators.families import fit_scored  # whose networks take seconds to import
    from synthcmr.verbs.outputs import RUN
    from synthcmr.verbs.progress import progress_bar

    def fitted(folder: Path) -> tuple[Generator, str]:
        with progress_bar(f"train {family}") as report:
            observe = training_observer(folder, report)
            trained = fit_scored(family, learned, folder, model, loop, observe, sample_scores)
            return _calibrated(trained, folder, learned, loop)

    trained, calibrated = build(run, RUN, chosen.overwrite, fitted)
    return TrainedRun(family, run, calibrated, trained=trained)


def _submitted(family: str, cohort: CohortLike, run: Path, chosen: TrainOptions, partition: str) -> TrainedRun:
    from synthcmr.training.device import submit
    from synthcmr.verbs.folders import opened_whole

    # A job opens the cohort by its folder.
    folder = Path(cohort) if isinstance(cohort, (str, Path)) else opened_whole(cohort).path
    return TrainedRun(family, run, submitted=submit(partition, run, _job(family, folder, run, chosen)))


def _settings(family: str, chosen: TrainOptions) -> tuple[Settings, LoopSettings]:
    """Every setting, refused where one cannot be used, before anything heavy is imported or read."""
    from synthcmr.generators.families import settings_of
    from synthcmr.training.settings import check_even, overridden, read_privacy

    model, loop = settings_of(family, chosen.preset)
    start = chosen.init_from or getattr(model, "start", None)
    if chosen.rank is not None and start is None:  # some presets have weights to begin from
        raise SettingsError("--rank: expected --init-from as well; additions to random weights learn nothing")
    if start is not None:
        model = _begun(model, family, start, chosen.rank)
    if chosen.dp is not None:
        loop = loop.model_copy(update={"dp": read_privacy(chosen.dp)})
    balance = ",".join(chosen.balance) if chosen.balance else None
    model, loop = overridden(model, loop, chosen.settings, list(chosen.set), balance)
    check_even(loop)
    if loop.dp is not None:
        from synthcmr.privacy.accountant import expect_accountants

        expect_accountants()
    if loop.dp is not None and hasattr(model, "begins_from"):  # before anything is removed or read
        from synthcmr.generators.conditional.private_run import check_start

        check_start(cast("ConditionalSettings", model), model.begins_from or (family,), loop)
    return model, loop


def _begun(model: Settings, family: str, start: str, rank: int | None) -> Settings:
    """The settings of the weights to begin from: a network can only go on in its own shape."""
    from synthcmr.config import settings_from_dict
    from synthcmr.generators.conditional.warm_start import start_file, started

    values = {**model.model_dump(), "start": start, "rank": rank}
    families = getattr(model, "begins_from", ()) or (family,)  # families from outside need not have it
    file = start_file(start, families)
    kept = getattr(model, "kept", ())
    return settings_from_dict(
        values if file is None else started(values, file, kept), type(model), f"--init-from {start}"
    )


def _calibrated(trained: Generator, run: Path, cohort: Cohort, loop: LoopSettings) -> tuple[Generator, str]:
    """Measure what a generator that refines phantoms is set to; a run whose samples are not looked at keeps its settings."""
    from synthcmr.evaluation.refine_calibration import calibrate

    measured = loop.scored_frames and loop.dp is None  # of private images no account covers that
    several = trained.family == "refine"  # evaluations, whose times and beginning are a choice
    if not several or not measured or not trained.hash:  # no hash: not the main process
        return trained, ""
    return calibrate(run, cohort)


def _job(family: str, cohort: Path, run: Path, chosen: TrainOptions) -> list[str]:
    """The command line that a job of the cluster runs: this one without --slurm; requeued, it goes on where it was stopped."""
    words = ["train", family, str(cohort), str(run), "--preset", chosen.preset]
    words += ["--settings", str(chosen.settings)] if chosen.settings else []
    words += [word for item in chosen.set for word in ("--set", item)]
    given = {
        "--balance": ",".join(chosen.balance or ()),
        "--init-from": chosen.init_from,
        "--rank": chosen.rank and str(chosen.rank),
        "--dp": chosen.dp,
    }
    words += ["--overwrite"] if chosen.overwrite else []
    return words + [word for flag, value in given.items() if value for word in (flag, value)]
