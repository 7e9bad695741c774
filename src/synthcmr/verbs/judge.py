"""Judges of images: networks that segment hearts, read attributes, or give features for distances."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Changes, OneOrSeveral, Options, PathOrName
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result
from synthcmr.verbs.trained_run import expect_other_run, training_observer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.judges.scores import Scores
    from synthcmr.judges.settings import JudgeSettings
    from synthcmr.training.settings import LoopSettings
    from synthcmr.verbs.folders import CohortLike

    Pixels: TypeAlias = CohortLike | npt.NDArray[np.floating]

Kind = Literal["segmenter", "reader", "encoder"]


class JudgeOptions(Options):
    """How a judge is trained, and on which images it is scored.

    Example:
        >>> import synthcmr
        >>> synthcmr.JudgeOptions(init_from="shipped", set={"loop.steps": 500}).set
        ('loop.steps=500',)
    """

    also: Annotated[tuple[Path, ...], OneOrSeveral] = Field(
        (), description="fit: a further cohort whose training split is used."
    )
    init_from: PathOrName = Field(
        None,
        description="fit: start from weights: 'shipped', or a run of the same judge (encoder: also of a reader).",
    )
    set: Changes = Field((), description="One setting, e.g. --set loop.steps=1000.")
    split: str = Field("test", description="score: images of this split; all for every image.")
    overwrite: bool = Field(False, description="fit: replace an existing run.")


@dataclass(frozen=True)
class JudgeScores(Result):
    """How good a judge is on images whose truth is known.

    Attributes:
        kind: of the judge.
        cohort: where the images lie.
        scores: what was measured, on how many, and what could not be.
    """

    kind: str
    cohort: Path
    scores: Scores

    def summary(self) -> str:
        """Every score, and why others could not be computed."""
        lines = [f"{self.kind} on {self.cohort}, {self.scores.images} images of {self.scores.subjects} subjects:"]
        lines += [f"  {name}: {value:.3f}" for name, value in self.scores.scores.items()]
        lines += [f"  {name}: not computed, {why}" for name, why in self.scores.absent.items()]
        return "\n".join(lines)

    @property
    def table(self) -> pd.DataFrame:
        """Every score: score, value, and why it could not be computed."""
        import pandas as pd

        rows: list[tuple[object, ...]] = [(name, value, "") for name, value in self.scores.scores.items()]
        rows += [(name, None, why) for name, why in self.scores.absent.items()]
        return pd.DataFrame(rows, columns=["score", "value", "absent"])


class Judge:
    """A network that judges images: `fit`, `predict` and `score` as in scikit-learn.

    Judges screen generated images and measure what they show. The shipped ones were trained on phantoms alone.

    Attributes:
        kind: segmenter: segments the heart; reader: reads attributes; encoder: features for distances.
        run: its run folder; None for the judge that ships.

    Example:
        >>> import synthcmr
        >>> segmenter = synthcmr.Judge("segmenter").fit("acdc", "judges/segmenter", init_from="shipped")
        >>> masks = segmenter.predict("mnms")
        >>> print(segmenter.score("mnms").summary())
    """

    @public
    def __init__(self, kind: Kind, run: Path | str | None = None) -> None:
        """Choose a judge; its weights are read with the first images.

        Args:
            kind: segmenter, reader or encoder.
            run: run folder of a judge of your own; None for the one that ships, or before `fit`.

        Raises:
            SettingsError: there is no such kind.
            CohortError: the run folder has no weights.
        """
        if kind not in get_args(Kind):
            raise SettingsError(f"judge: expected one of {', '.join(get_args(Kind))}; got '{kind}'")
        from synthcmr.verbs.folders import expect_weights

        self.kind, self.run = kind, None if run is None else Path(run)
        self._learned_from: Path | None = None
        expect_weights({"": self.run})

    @public
    def fit(self, cohort: CohortLike, run: Path | str, options: JudgeOptions | None = None, **changes: Any) -> Self:
        """Train on the training split of a cohort; a run that was cut short goes on.

        Args:
            cohort: cohort or its folder.
            run: run folder to make.
            options: from which weights, cohorts and settings.
            changes: fields of `JudgeOptions`, in place of `options` or over them.

        Returns:
            The judge itself, fitted.

        Raises:
            SettingsError: a setting is not allowed, or the weights to begin from do not fit.
            CohortError: a folder is not what it should be.
        """
        chosen, folder = JudgeOptions.of(options, changes), Path(run)
        from synthcmr.verbs.folders import cohort_of, expect_apart_from

        learned, others = cohort_of(cohort), [cohort_of(one) for one in chosen.also]
        model, loop = _settings(self.kind, chosen)  # refuses what is wrong before networks are imported
        expect_other_run(folder, chosen.init_from)
        expect_apart_from(folder, (cohort, *chosen.also))
        from synthcmr.cohort.output_place import build
        from synthcmr.verbs.outputs import RUN
        from synthcmr.verbs.progress import progress_bar

        def fitted(place: Path) -> None:
            with progress_bar(f"judge fit {self.kind}") as report:
                observe = training_observer(place, report)
                _network(self.kind).fit(learned, place, model, loop, observe, others, chosen.init_from)

        build(folder, RUN, chosen.overwrite, fitted)
        self.run, self._learned_from = folder, learned.path
        return self

    @public
    def predict(self, images: Pixels) -> Any:
        """What the judge sees.

        Args:
            images: a cohort or its folder, of images of one size; or pixels from 0 to 1 (images, frames, rows, columns).

        Returns:
            Of a segmenter labels of the images' shape; of a reader numbers and probabilities by attribute
            (`judges.reader.Reading`); of an encoder features (images, width).

        Raises:
            CohortError: images of the cohort do not fit.
        """
        from synthcmr.training.shipped_weights import shipped
        from synthcmr.training.weights import weights_file

        if self.kind == "encoder":
            from synthcmr.evaluation.features.cmr import CmrExtractor

            return CmrExtractor(self._own_encoder()).of_images(_pixels(images, None))
        network = _network(self.kind).load(shipped(self.kind) if self.run is None else weights_file(self.run))
        if self.kind == "segmenter":
            return network.segment(_pixels(images, None))
        return network.read(_pixels(images, network.frames))

    @public
    def score(self, cohort: CohortLike, split: str = "test") -> JudgeScores:
        """How good the judge is on images whose masks and attributes are known.

        Args:
            cohort: cohort or its folder.
            split: images of this split; "all" for every image.

        Raises:
            SettingsError: no encoder is named; none comes with the package.
            CohortError: there is no image.
        """
        from synthcmr.verbs.folders import cohort_of

        images = cohort_of(cohort)
        from synthcmr.judges import scores

        score = {
            "segmenter": scores.score_segmenter,
            "reader": scores.score_reader,
            "encoder": scores.score_encoder,
        }[self.kind]
        return JudgeScores(self.kind, images.path, score(images, self.run, None if split == "all" else split))

    def summary(self) -> str:
        """Where the judge is, which of its outputs have no starting weights, and how to test it."""
        if self.run is None:
            return f"{self.kind}: the one that ships; test it: synthcmr judge score {self.kind} COHORT"
        from synthcmr.training.run_folder import RunFolder

        new = RunFolder(self.run).record().get("new_outputs")
        lines = (
            [
                f"{self.run}: the starting weights had no output for {', '.join(new)}; these were trained from random weights"
            ]
            if new
            else []
        )
        test = f"synthcmr judge score {self.kind} {self._learned_from or 'COHORT'} {self.run}"
        return "\n".join([*lines, f"{self.run}: {self.kind}; test it: {test}"])

    @public
    def to_html(self) -> Path:
        """Write the page of curves of its training into the run folder.

        Raises:
            SettingsError: it is the judge that ships, whose training is not at hand.
        """
        if self.run is None:
            raise SettingsError(f"{self.kind}: expected a judge with a run folder, got the one that ships")
        from synthcmr.report.run_page import write_run_page

        return write_run_page(self.run)

    def _repr_html_(self) -> str:
        """The summary, for notebooks."""
        return f"<pre>{escape(self.summary())}</pre>"

    def _own_encoder(self) -> Path:
        if self.run is None:
            raise SettingsError("encoder: expected a run folder, none comes with the package; fit one first")
        return self.run


def _network(kind: str) -> Any:
    """The class of a judge's network."""
    from synthcmr.judges.encoder import ImageEncoder
    from synthcmr.judges.reader import AttributeReader
    from synthcmr.judges.segmenter import Segmenter

    return {"segmenter": Segmenter, "reader": AttributeReader, "encoder": ImageEncoder}[kind]


def _settings(kind: str, chosen: JudgeOptions) -> tuple[JudgeSettings, LoopSettings]:
    """Settings of a judge, with the architecture and the shorter loop of fine-tuning where it goes on from weights."""
    from synthcmr.judges import settings as known
    from synthcmr.training.settings import overridden

    settings_of: dict[str, tuple[type[known.JudgeSettings], LoopSettings, LoopSettings]] = {
        "segmenter": (known.SegmenterSettings, known.SEGMENTER_LOOP, known.SEGMENTER_TUNING),
        "reader": (known.ReaderSettings, known.READER_LOOP, known.READER_TUNING),
        "encoder": (known.EncoderSettings, known.ENCODER_LOOP, known.ENCODER_TUNING),
    }
    model, fitting, tuning = settings_of[kind]
    if chosen.init_from is None:
        return overridden(model(), fitting, None, list(chosen.set), None)
    from synthcmr.judges.fitting import starting_weights

    start = starting_weights(kind, chosen.init_from)
    settings, loop = overridden(start.settings(model), tuning, None, list(chosen.set), None)
    start.check(settings)
    return settings, loop


def _pixels(images: Pixels, frames: int | None) -> npt.NDArray[np.float32]:
    """Pixels of images; of a cohort those with as many frames as most have, or as are wanted."""
    import numpy as np

    if isinstance(images, np.ndarray):
        return images.astype(np.float32)
    from synthcmr.training.images import load_images
    from synthcmr.verbs.folders import cohort_of

    cohort: Cohort = cohort_of(images)
    usual = int(cohort.images["n_frames"].mode()[0])
    return load_images(cohort, None, frames or usual).image.astype(np.float32)
