"""Learn the frequency content of real images, to give it to synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from synthcmr.config import LARGEST_PIXEL_MM, SMALLEST_PIXEL_MM
from synthcmr.errors import OtherSettingsError, SettingsError
from synthcmr.verbs.folders import opened_images
from synthcmr.verbs.options import Changes, Names, Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result
from synthcmr.verbs.sum_promise import read_sum_promise
from synthcmr.verbs.trained_run import training_observer

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.frequency.images import Images
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.settings import RecalibrationSettings
    from synthcmr.verbs.folders import CohortLike

SHOWN = 8  # images left out that are named in a summary


class FitRecalibrationOptions(Options):
    """What is learned of real images, and from which.

    Example:
        >>> import synthcmr
        >>> synthcmr.FitRecalibrationOptions(dp="epsilon=1").privacy
        (1.0, 1e-05, None)
    """

    method: Literal["rings", "shr", "rhm", "frerec"] | None = Field(
        None, description="fit: rings in closed form, or the paper's shr, rhm, or both (frerec). [default: rings]"
    )
    dp: str | None = Field(
        None,
        description="fit: release four numbers with differential privacy instead, e.g. epsilon=1,delta=1e-5; with "
        "subjects_in_cohort=N where the number of subjects is public, otherwise it is counted with noise.",
    )
    split: str = Field("train", description="fit: learn from this split; all for every image.")
    by: Names = Field(
        None,
        description="fit: attributes whose crossing has statistics of its own. [default: vendor,field_strength_t]",
    )
    spacing: float | None = Field(
        None,
        ge=SMALLEST_PIXEL_MM,
        le=LARGEST_PIXEL_MM,
        description="Millimetres per pixel of a folder whose files do not state it.",
    )
    preset: str = Field("cpu", description="fit rhm, frerec: network for the machine: cpu, 8g or 24g.")
    set: Changes = Field((), description="fit: one setting, e.g. --set replacement.radius=0.5, --set loop.steps=2000.")
    overwrite: bool = Field(False, description="Replace existing results.")

    @model_validator(mode="after")
    def _can_be_combined(self) -> Self:
        """A release is a method of its own."""
        if self.dp is not None and self.method is not None:
            raise SettingsError("--dp: expected without --method: what is released are four numbers of the spectrum")
        _ = self.privacy
        return self

    @property
    def privacy(self) -> tuple[float, float, int | None] | None:
        """Epsilon and delta of a release, and the subjects that are stated; None where nothing is released.

        Raises:
            SettingsError: --dp does not say them.
        """
        return None if self.dp is None else read_sum_promise(self.dp)


@dataclass(frozen=True)
class FittedRecalibration(Result):
    """A recalibration and the folder that it lies in.

    Attributes:
        model: transforms images in memory.
        folder: takes its place for `recalibrate` and `generate`.
    """

    model: Recalibration
    folder: Path

    def summary(self) -> str:
        """What was learned, from how many, and what was left out."""
        model = self.model
        lines = [f"{self.folder}: {model.settings.method}"]
        if model.release is not None:
            r = model.release
            lines.append(
                f"  four numbers of {r.people} subjects, epsilon {r.epsilon:g}, delta {r.delta:g}, noise {r.sigma:.2f} each"
            )
        else:
            counts = {str(c["group"]) or "everyone": c for c in model.real.moments.counts()}
            lines += [f"  {name}: {c['images']} frames of {c['subjects']} subjects" for name, c in counts.items()]
        if model.real.library is not None and len(model.real.library.picture):
            lines.append(
                "  it holds a small picture of every real image, for retrieval: protect it as you protect the images"
            )
        refused = list(model.real.refused.items())
        lines += [f"  left out {name}: {why}" for name, why in refused[:SHOWN]]
        lines += [f"  and {len(refused) - SHOWN} more"] if len(refused) > SHOWN else []
        return "\n".join([*lines, f"  use it: synthcmr recalibrate apply SYNTHETIC {self.folder} OUT"])

    @property
    def table(self) -> pd.DataFrame:
        """What was learned from, by group ('' for all): group, images, subjects; empty of a private release."""
        import pandas as pd

        counts = [] if self.model.release is not None else self.model.real.moments.counts()
        return pd.DataFrame(counts, columns=["group", "images", "subjects"])

    @property
    def left_out(self) -> pd.DataFrame:
        """Images that were not learned from: image, reason."""
        import pandas as pd

        return pd.DataFrame(self.model.real.refused.items(), columns=["image", "reason"])


@public
def fit_recalibration(
    images: CohortLike, folder: Path | str, options: FitRecalibrationOptions | None = None, **changes: Any
) -> FittedRecalibration:
    """Learn the frequency content of real images once; `recalibrate` gives it to any number of synthetic sets.

    Args:
        images: real cohort, its folder, or a folder of PNG, NIfTI or NPY files.
        folder: of the model, to make.
        options: what is learned.
        changes: fields of `FitRecalibrationOptions`, in place of `options` or over them.

    Returns:
        The model, with a summary.

    Raises:
        SettingsError: options cannot be combined, or name what the images do not have.
        CohortError: there is no image, or the folder holds a model already.

    Example:
        >>> import synthcmr
        >>> truth = synthcmr.fit_recalibration("acdc", "truth")
        >>> learned_from = truth.table[["group", "images", "subjects"]]
        >>> better = synthcmr.recalibrate("synthetic", truth.folder, "better").cohort
    """
    chosen, folder = FitRecalibrationOptions.of(options, changes), Path(folder)
    real = opened_images(images, chosen.split, chosen.spacing)
    from synthcmr.cohort.output_place import build
    from synthcmr.frequency.model_folder import MODEL_FILE, NETWORK
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.settings import RecalibrationSettings
    from synthcmr.frequency.sources import CohortImages
    from synthcmr.training.private_sums import SumPromise
    from synthcmr.training.settings import PARTS
    from synthcmr.verbs.folders import expect_apart_from, expect_attributes
    from synthcmr.verbs.options import read_settings
    from synthcmr.verbs.outputs import RECALIBRATION
    from synthcmr.verbs.progress import progress_bar

    network = _network_settings(chosen)
    values = {"method": "release" if chosen.dp else chosen.method or "rings", "by": chosen.by}
    single = [item for item in chosen.set if item.split(".")[0] not in PARTS]
    settings = read_settings(RecalibrationSettings, None, values, single)
    if chosen.by is not None and isinstance(real, CohortImages):
        expect_attributes("--by", settings.by, real.cohort)

    def fitted(place: Path) -> Recalibration:
        if (place / MODEL_FILE).exists():
            return _finished(place, real, settings, chosen)
        with progress_bar("recalibrate fit") as report:
            held_out, run = _held_out(images, chosen.split, settings), place / NETWORK
            observe = training_observer(run, report)
            promise = None if chosen.privacy is None else SumPromise(*chosen.privacy)
            model = Recalibration(settings).fit(real, run, network, held_out, observe, promise)
        model.save(place)
        return model

    expect_apart_from(folder, (images,))
    return FittedRecalibration(build(folder, RECALIBRATION, chosen.overwrite, fitted), folder)


def _network_settings(chosen: FitRecalibrationOptions) -> Any:
    """Settings of the network that rhm and frerec train, and of its training."""
    from synthcmr.frequency.settings import preset
    from synthcmr.training.settings import PARTS, overridden

    of_network = [item for item in chosen.set if item.split(".")[0] in PARTS]
    return overridden(*preset(chosen.preset), None, of_network, None)


def _held_out(images: CohortLike, split: str, settings: RecalibrationSettings) -> Cohort | None:
    """The validation split, by which the training of a network is watched."""
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.frequency.recalibration import MAPPING
    from synthcmr.verbs.folders import cohort_of, folder_of

    if split != "train" or settings.method not in MAPPING or not (folder_of(images) / COHORT_FILE).exists():
        return None
    chosen = cohort_of(images).select(split="validation")
    return chosen if len(chosen) else None


def _finished(
    folder: Path, real: Images, settings: RecalibrationSettings, chosen: FitRecalibrationOptions
) -> Recalibration:
    """The model that the same call fitted before. A release is never drawn twice: that would spend its privacy again.

    Raises:
        CohortError: the folder holds a model of other images or settings.
    """
    import sys

    from synthcmr.cohort.checksums import read_record
    from synthcmr.cohort.output_place import known_as
    from synthcmr.cohort.provenance import PROVENANCE_FILE
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.sources import CohortImages

    before = read_record(folder / PROVENANCE_FILE)
    model = Recalibration.load(folder)
    release = None if model.release is None else (model.release.epsilon, model.release.delta)
    split = real.split if isinstance(real, CohortImages) else ""
    same = (
        [row["hash"] for row in before["inputs"]] == [real.hash]
        and before["settings"] == settings.model_dump(mode="json")
        and model.real.split == split
        and release == (chosen.privacy[:2] if chosen.privacy else None)
        and not _network_changed(folder, chosen)
    )
    if not same:
        raise OtherSettingsError(
            f"{folder}: holds a recalibration of other images or settings; choose another folder, or --overwrite"
        )
    print(
        f"{known_as(str(folder))}: a recalibration of the same images and settings is there, finished", file=sys.stderr
    )
    return model


def _network_changed(folder: Path, chosen: FitRecalibrationOptions) -> bool:
    """Whether the network of a model was trained by other settings than those chosen now."""
    from synthcmr.frequency.model_folder import NETWORK
    from synthcmr.training.run_folder import RunFolder

    run = RunFolder(folder / NETWORK)
    if not run.exists():
        return False
    model, loop = _network_settings(chosen)
    record = run.record()
    return any(record.get(name) != one.model_dump(mode="json") for name, one in (("model", model), ("loop", loop)))
