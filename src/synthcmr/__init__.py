"""synthcmr: synthetic cardiac MRI that a research group or a hospital can use.

Every step of the chain is a function here; `synthcmr COMMAND` calls the same ones. They are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort as Cohort
    from synthcmr.generators.families import load_generator as load_generator
    from synthcmr.verbs.generate import generate as generate
    from synthcmr.verbs.generate_options import GenerateOptions as GenerateOptions

__version__ = "0.1.0"

VERBS = {  # name -> where it is
    "Cohort": "synthcmr.cohort",
    "GenerateOptions": "synthcmr.verbs.generate_options",
    "generate": "synthcmr.verbs.generate",
    "load_generator": "synthcmr.generators.families",
}
__all__ = ["__version__", *VERBS]


def __getattr__(name: str) -> Any:
    """Import a verb when it is first asked for, so that `import synthcmr` costs nothing."""
    if name not in VERBS:
        raise AttributeError(f"module 'synthcmr' has no attribute '{name}'; it has {', '.join(VERBS)}")
    return getattr(import_module(VERBS[name]), name)


def __dir__() -> list[str]:
    """The verbs, for completion."""
    return sorted(__all__)
