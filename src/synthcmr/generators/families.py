"""The families of generators by name; other packages can add theirs."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.config import Settings
    from synthcmr.generators.interface import Generator
    from synthcmr.training.loop import Observer
    from synthcmr.training.settings import LoopSettings
    from synthcmr.training.training_task import SampleScorer

FAMILIES: dict[str, str] = {
    "refine": "synthcmr.generators.refine.generator:RefineGenerator",
    "refine-once": "synthcmr.generators.refine.once_generator:RefineOnceGenerator",
    "flow": "synthcmr.generators.flow:FlowGenerator",
    "diffusion": "synthcmr.generators.diffusion:DiffusionGenerator",
    "latent": "synthcmr.generators.latent:LatentGenerator",
    "gan": "synthcmr.generators.gan:GanGenerator",
    "vae": "synthcmr.generators.vae:VaeGenerator",
    "stable": "synthcmr.generators.stable_diffusion:StableGenerator",
    "few-step": "synthcmr.generators.few_step:FewStepGenerator",
}
ENTRY_POINTS = "synthcmr.generators"  # the group under which an installed package names its own families


def family(name: str) -> type[Generator]:
    """The class of a family.

    Raises:
        SettingsError: there is none of that name.
    """
    if name in FAMILIES:
        module, kind = FAMILIES[name].split(":")
        family_class: type[Generator] = getattr(import_module(module), kind)
        return family_class
    others = {e.name: e for e in entry_points(group=ENTRY_POINTS)}
    if name in others:
        family_class = others[name].load()
        return family_class
    raise SettingsError(f"family: expected one of {', '.join([*FAMILIES, *others])}; got '{name}'")


def settings_of(name: str, preset: str) -> tuple[Settings, LoopSettings]:
    """Model and loop settings of a family's preset; of our own without its network, which takes seconds to import.

    Raises:
        SettingsError: there is no such family, or no such preset.
    """
    if name not in FAMILIES:
        return family(name).settings(preset)
    from synthcmr.generators.conditional.settings import chosen
    from synthcmr.generators.family_settings import FAMILY_PRESETS

    return chosen(FAMILY_PRESETS[name], preset)


def fit_scored(
    name: str,
    cohort: Cohort,
    run: Path,
    model: Settings,
    loop: LoopSettings,
    observe: Observer | None,
    score: SampleScorer,
) -> Generator:
    """Train a family with its samples scored on the way; one from outside that does not stand on our base is trained without."""
    from synthcmr.generators.conditional.generator import ConditionalGenerator

    kind = family(name)
    if issubclass(kind, ConditionalGenerator):
        fitted: Generator = kind.fit(cohort, run, model, loop, observe, score)
        return fitted
    return kind.fit(cohort, run, model, loop, observe)


def about() -> dict[str, str]:
    """Every family there is, and a line about it."""
    names = [*FAMILIES, *(e.name for e in entry_points(group=ENTRY_POINTS))]
    return {name: (family(name).__doc__ or "").strip().split("\n")[0] for name in names}


def load_generator(run: Path | str) -> Generator:
    """The generator of a run folder, or of a weights file.

    Raises:
        CohortError: there is no run, or it has no weights yet.

    Example:
        >>> import synthcmr
        >>> generator = synthcmr.load_generator("runs/flow")
        >>> attributes = generator.vocabulary.names
    """
    from synthcmr.training.described_network import family_of
    from synthcmr.training.weights import weights_file

    file = weights_file(Path(run))
    return family(family_of(file)).load(file)
