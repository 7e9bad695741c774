"""The weights that come with the package, all trained on phantoms alone."""

from importlib.resources import files
from pathlib import Path

from synthcmr.errors import CohortError

FOLDER = "shipped"
FILES = {
    "flow": "flow.safetensors",
    "anatomy": "anatomy.npz",
    "segmenter": "segmenter.safetensors",
    "reader": "reader.safetensors",
    "fingerprints": "fingerprints.npz",
}


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
