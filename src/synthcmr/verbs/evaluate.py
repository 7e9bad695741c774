"""Score a synthetic cohort against a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import Field, model_validator

from synthcmr.config import MOST_WORKERS
from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Changes, Names, OneOrSeveral, Options, Run
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult
from synthcmr.verbs.trained_run import training_observer

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.evaluation.privacy.attack_target import AttackTarget
    from synthcmr.evaluation.score import ScoreCard
    from synthcmr.evaluation.settings import EvaluateSettings
    from synthcmr.generators.sampler import SamplerSettings
    from synthcmr.verbs.folders import CohortLike


Say = Callable[[str], None]


class EvaluateOptions(Options):
    """What is scored, by which judges, and how.

    Example:
        >>> import synthcmr
        >>> synthcmr.EvaluateOptions(parts="fidelity,privacy", split="test").parts
        ('fidelity', 'privacy')
    """

    parts: Names = Field(
        None,
        description="Parts, comma-separated, of the six. [default: all; motion where there are cines]",
    )
    split: str | None = Field(None, description="Split of the real cohort to compare with. [default: all of it]")
    by: Names = Field(None, description="Attributes to score by. [default: sex,age,bmi,diagnosis,vendor]")
    features: Names = Field(
        None, description="Any of cmr, radiomics, radimagenet, cinema, inception. [default: cmr,radiomics]"
    )
    encoder: Path | None = Field(
        None, description="Encoder or reader for the features 'cmr'. [default: the shipped one]"
    )
    fit_encoder: bool = Field(False, description="Train an encoder on REAL's training split first, in OUT/encoder.")
    reader: Path | None = Field(None, description="Judge that reads attributes. [default: the shipped one]")
    segmenter: Path | None = Field(None, description="Judge that segments hearts. [default: the shipped one]")
    run: Run = Field(
        None, description="Run that generated the images: privacy attacks it too, and audits its differential privacy."
    )
    reference: Annotated[tuple[Path, ...], OneOrSeveral] = Field(
        (), description="Reference run of the same family, trained on other subjects; may be given several times."
    )
    also_test: Path | None = Field(None, description="A second real cohort on which utility is tested too.")
    grid: str | None = Field(
        None, description="quick or full: how much of the real data utility trains on. [default: quick]"
    )
    workers: int | None = Field(
        None, ge=1, le=MOST_WORKERS, description="Networks trained at once. [default: one per core; 4 a GPU]"
    )
    settings: Path | None = Field(None, description="YAML file of settings.")
    set: Changes = Field((), description="One setting, e.g. --set rules.fidelity.realism.good=0.1.")

    @model_validator(mode="after")
    def _can_be_combined(self) -> Self:
        """References are compared with a run; an encoder is named or trained."""
        if self.reference and self.run is None:
            raise SettingsError("--reference: expected --run too, the generator that the references are compared with")
        if self.fit_encoder and self.encoder is not None:
            raise SettingsError("--fit-encoder: expected no --encoder beside it, because it trains one")
        return self


@dataclass(frozen=True)
class Evaluation(PageResult):
    """A score card and the folder that it lies in.

    Attributes:
        card: every score with its interval, and the verdict of each part.
        out: folder with scores.json.
        notes: what must be borne in mind.
    """

    card: ScoreCard
    out: Path
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """A line for each part, one for each rule that is not met, and where the page is."""
        return "\n".join([*self._lines(), f"Page: {self.to_html()}"])

    @property
    def table(self) -> pd.DataFrame:
        """One row per part: its verdict in a word, and in a sentence."""
        import pandas as pd

        rows = [(name, part.verdict.word, part.verdict.sentence) for name, part in self.card.parts.items()]
        return pd.DataFrame(rows, columns=["part", "verdict", "sentence"])

    @property
    def scores(self) -> pd.DataFrame:
        """Every score: part, name, group ('' for all), value, interval, floor, numbers of subjects, or why it is absent."""
        import pandas as pd

        rows = [
            {"part": name, **score.model_dump()}
            for name, part in self.card.parts.items()
            for score in part.result.scores
        ]
        return pd.DataFrame(rows)

    @property
    def page_folder(self) -> Path:
        """The folder of the scores."""
        return self.out

    def _write_page(self, folder: Path) -> Path:
        """report.html, the model card and the data sheet."""
        from synthcmr.report.score_card_page import write_report

        return write_report(self.card, folder)

    def _lines(self) -> list[str]:
        lines = []
        for name, part in self.card.parts.items():
            lines.append(f"{name.capitalize()}: {part.verdict.sentence}")
            lines += [f"  {finding.sentence}" for finding in part.verdict.findings if finding.word != "good"]
        return lines

    def _sentences(self) -> str:
        return "\n".join([*self.notes, *self._lines()])


@public
def evaluate(
    real: CohortLike,
    synth: CohortLike,
    out: Path | str,
    options: EvaluateOptions | None = None,
    *,
    say: Say | None = None,
    **changes: Any,
) -> Evaluation:
    """Score synthetic images against real ones: fidelity, adherence, motion, utility, fairness, privacy.

    Every score has its number of subjects, an interval from drawing subjects again, and what real images themselves reach.
    Parts that are finished are kept, so that the same call goes on where it was stopped.

    Args:
        real: real cohort, or its folder.
        synth: synthetic cohort, from any tool.
        out: folder of the scores.
        options: what is scored, and by which judges.
        say: called with notes as they arise; they are in the result as well.
        changes: fields of `EvaluateOptions`, in place of `options` or over them.

    Returns:
        The score card, with a summary and a page.

    Raises:
        SettingsError: options cannot be combined, the same cohort is on both sides, or sides are swapped.
        CohortError: a folder is not what it should be, or nothing is left to compare.

    Example:
        >>> import synthcmr
        >>> scores = synthcmr.evaluate("acdc", "synthetic", "scores", parts="fidelity")
        >>> print(scores.summary())
        >>> computed = scores.scores.dropna(subset="value")[["name", "group", "value", "low", "high", "floor"]]
    """
    chosen, out = EvaluateOptions.of(options, changes), Path(out)
    from synthcmr.verbs.folders import cohort_of, expect_apart_from

    left, right = cohort_of(real), cohort_of(synth)
    _expect_inputs(chosen, left, right)
    notes = _notes_on_sides(left, right, say)
    settings = _settings(chosen)
    from synthcmr.cohort.output_place import build
    from synthcmr.evaluation.evaluate import evaluate as score
    from synthcmr.training.device import networks_at_once
    from synthcmr.verbs.outputs import SCORES
    from synthcmr.verbs.progress import progress_bar

    def scored(folder: Path) -> ScoreCard:
        own = {"encoder": _fitted_encoder(left, folder)} if chosen.fit_encoder else {}
        target = load_attack_target(chosen.run, chosen.reference, right) if chosen.run else None
        workers = chosen.workers or networks_at_once()
        with progress_bar("evaluate") as report:
            return score(
                left, right, folder, settings.model_copy(update=own), chosen.parts or (), report, target, workers
            )

    expect_apart_from(out, (real, synth, chosen.also_test, chosen.run, *chosen.reference))
    return Evaluation(build(out, SCORES, overwrite=False, make=scored), out, notes)


def _expect_inputs(chosen: EvaluateOptions, left: Cohort, right: Cohort) -> None:
    """Refuse what the options name and is not there, before anything is computed."""
    from synthcmr.verbs.folders import expect_attributes, expect_cohorts, expect_weights

    expect_attributes("--by", chosen.by or (), left, right)
    expect_cohorts(chosen.also_test)
    expect_weights({f"--{name}": getattr(chosen, name) for name in ("encoder", "reader", "segmenter", "run")})
    for reference in chosen.reference:
        expect_weights({"--reference": reference})


def _settings(chosen: EvaluateOptions) -> EvaluateSettings:
    from synthcmr.evaluation.features.extractors import EXTRACTORS
    from synthcmr.evaluation.settings import EvaluateSettings
    from synthcmr.verbs.options import read_settings

    named = {name: getattr(chosen, name) for name in ("split", "by", "encoder", "reader", "segmenter")}
    single = list(chosen.set)
    single += [] if chosen.features is None else [f"fidelity.extractors=[{','.join(chosen.features)}]"]
    single += [] if chosen.also_test is None else [f"utility.also_test={chosen.also_test}"]
    single += [] if chosen.grid is None else [f"utility.grid={chosen.grid}"]
    settings = read_settings(EvaluateSettings, chosen.settings, named, single)
    if unknown := [name for name in settings.fidelity.extractors if name not in EXTRACTORS]:
        raise SettingsError(f"--features: expected any of {', '.join(EXTRACTORS)}, got '{unknown[0]}'")
    return settings


def _notes_on_sides(real: Cohort, synth: Cohort, say: Say | None) -> tuple[str, ...]:
    """Refuse one cohort on both sides, and sides that were swapped; say so where both are generated."""
    if real.hash == synth.hash:
        raise SettingsError(
            f"REAL and SYNTH: expected two cohorts, got the same one twice ({real.path}, {synth.path}); what real images "
            "reach against real ones is on every score card"
        )
    generated = [set(cohort.info.get("origin", [])) == {"synthetic"} for cohort in (real, synth)]
    if generated == [True, False]:
        raise SettingsError(
            f"REAL and SYNTH: expected the real cohort first, got generated images first ({real.path}) and others second "
            f"({synth.path}); swap them"
        )
    if not all(generated):
        return ()
    note = f"note: {real.path} holds generated images too: the cohort called real is not real."
    if say is not None:
        say(note)
    return (note,)


def _fitted_encoder(real: Cohort, out: Path) -> Path:
    """An encoder of the user's own; a training that was cut short goes on, a finished one is taken as it is."""
    from synthcmr.judges.encoder import ImageEncoder
    from synthcmr.judges.settings import ENCODER_LOOP, EncoderSettings
    from synthcmr.training.run_folder import RunFolder
    from synthcmr.verbs.progress import progress_bar

    run = out / "encoder"
    if not (RunFolder(run).exists() and RunFolder(run).record().get("finished")):
        with progress_bar("fit encoder") as report:
            ImageEncoder.fit(real, run, EncoderSettings(), ENCODER_LOOP, training_observer(run, report))
    return run


def load_attack_target(run: Path, references: Sequence[Path], synthetic: Cohort) -> AttackTarget:
    """A generator, reference models trained on other subjects, and the privacy that its run claims.

    Args:
        run: that generated the images.
        references: runs of the same family, of other people.
        synthetic: the images; what is attacked draws as they were drawn.
    """
    from synthcmr.evaluation.privacy.attack_target import AttackTarget
    from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim
    from synthcmr.generators.families import load_generator
    from synthcmr.generators.sampler import SamplerSettings
    from synthcmr.sampling.attack_adapter import Answering

    generator, *others = (load_generator(path) for path in (run, *references))
    sampler = _sampler_of(synthetic)
    answering = Answering(generator, sampler)
    usual = sampler == SamplerSettings()
    private = cast(dict[str, Any] | None, generator.facts.get("privacy"))
    claim = None if private is None else PrivacyClaim.model_validate({k: private[k] for k in PrivacyClaim.model_fields})
    return AttackTarget(
        name=" ".join([*(one.hash for one in (generator, *others)), *(() if usual else (sampler.model_dump_json(),))]),
        sampling=answering,
        errors=answering if hasattr(generator, "errors") else None,
        references=[Answering(one, sampler) for one in others],
        learned_from=_cohorts(run),
        claim=claim,
    )


def _sampler_of(synthetic: Cohort) -> SamplerSettings:
    """How a cohort was drawn, as its provenance says; the usual way where it does not."""
    from synthcmr.config import recorded_settings
    from synthcmr.generators.sampler import SamplerSettings

    record = synthetic.provenance.get("settings", {})
    for name in ("settings", "generate", "sampler"):
        record = record.get(name) if isinstance(record, dict) else None
    return (
        recorded_settings(record, SamplerSettings, str(synthetic.path))
        if isinstance(record, dict)
        else SamplerSettings()
    )


def _cohorts(run: Path) -> tuple[str, ...]:
    """Hashes of the cohorts that a run names; none where it does not tell."""
    from synthcmr.cohort.checksums import read_record
    from synthcmr.cohort.provenance import PROVENANCE_FILE

    file = run / PROVENANCE_FILE
    if not file.exists():
        return ()
    return tuple(str(i["hash"]) for i in read_record(file)["inputs"] if i["kind"] == "cohort")
