"""The weights that come with the package: trained on phantoms, the refining generators on the people of Sunnybrook (CC0) too."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from synthcmr.errors import CohortError
from synthcmr.training.weights import file_hash

FOLDER = "shipped"
# what no weights file says of itself; how long and in which parts it learned, its header says
LICENCE = "Apache-2.0"  # that of the package
TRAINED_BY = "synthcmr contributors"
PRESET = "everyone"  # of the phantoms that they learned from; the segmenter's own are in its header
FILES = {
    "refine-once": "refine-once.safetensors",
    "refine": "refine.safetensors",
    "refine-fingerprints": "refine-fingerprints.npz",
    "flow": "flow.safetensors",
    "anatomy": "anatomy.npz",
    "segmenter": "segmenter.safetensors",
    "reader": "reader.safetensors",
    "fingerprints": "fingerprints.npz",
}
GENERATOR = "refine-once"  # makes images where no run is named
PRINTS = {  # of the images that each generator learned from
    "refine-once": "refine-fingerprints",
    "refine": "refine-fingerprints",
    "flow": "fingerprints",
}
GENERATORS = tuple(PRINTS)


def shipped(name: str) -> Path:
    """Where a shipped file lies.

    Raises:
        CohortError: this installation lacks it.
    """
    path = Path(str(files("synthcmr") / FOLDER / FILES[name]))
    if not path.exists():
        raise CohortError(
            f"{path}: expected the weights that come with synthcmr, but this installation lacks them; reinstall synthcmr, "
            "or make your own with 'synthcmr train' and 'synthcmr judge fit' and name them with --run, --anatomy and --judges"
        )
    return path


def shipped_generator(own_hash: str) -> str | None:
    """The name of the generator that ships whose hash this, or its beginning, is; None where it is another's."""
    return next((name for name in GENERATORS if ships(name, own_hash)), None)


def ships(name: str, own_hash: str) -> bool:
    """Whether a hash, or its beginning, is that of a shipped file; not where this installation lacks it."""
    try:
        return bool(own_hash) and _hash(shipped(name)).startswith(own_hash)
    except CohortError:
        return False


@cache
def _hash(path: Path) -> str:
    return file_hash(path)
