"""The families of generators by name; other packages can add theirs."""

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from synthcmr.errors import SettingsError
from synthcmr.generators.protocol import Generator

FAMILIES: dict[str, str] = {
    name: f"synthcmr.generators.{name}.generator:{name.capitalize()}Generator"
    for name in ("flow", "diffusion", "latent", "gan", "vae", "stable")
} | {"few-step": "synthcmr.generators.few_step.generator:FewStepGenerator"}
ENTRY_POINTS = "synthcmr.generators"  # the group under which an installed package names its own families


def family(name: str) -> type[Generator]:
    """The class of a family.

    Raises:
        SettingsError: there is none of that name.
    """
    if name in FAMILIES:
        module, kind = FAMILIES[name].split(":")
        found: type[Generator] = getattr(import_module(module), kind)
        return found
    others = {e.name: e for e in entry_points(group=ENTRY_POINTS)}
    if name in others:
        found = others[name].load()
        return found
    raise SettingsError(f"family: expected one of {', '.join([*FAMILIES, *others])}; got '{name}'")


def about() -> dict[str, str]:
    """Every family there is, and a line about it."""
    names = [*FAMILIES, *(e.name for e in entry_points(group=ENTRY_POINTS))]
    return {name: (family(name).__doc__ or "").strip().split("\n")[0] for name in names}


def load_generator(run: Path) -> Generator:
    """The generator of a run folder, or of a weights file.

    Raises:
        CohortError: there is no run, or it has no weights yet.
    """
    from synthcmr.training.weights import read_header, weights_file

    file = weights_file(run)
    return family(str(read_header(file)["family"])).load(file)
