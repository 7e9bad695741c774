"""synthcmr: synthetic cardiac MRI that a research group or a hospital can use.

Every step of the chain is a function here; `synthcmr COMMAND` calls the same ones. They are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort as Cohort
    from synthcmr.frequency.recalibration import Recalibration as Recalibration
    from synthcmr.generators.families import load_generator as load_generator
    from synthcmr.verbs.balance import BalanceOptions as BalanceOptions
    from synthcmr.verbs.balance import balance as balance
    from synthcmr.verbs.compare_spectra import SpectrumOptions as SpectrumOptions
    from synthcmr.verbs.compare_spectra import compare_spectra as compare_spectra
    from synthcmr.verbs.debias import DebiasOptions as DebiasOptions
    from synthcmr.verbs.debias import debias as debias
    from synthcmr.verbs.evaluate import EvaluateOptions as EvaluateOptions
    from synthcmr.verbs.evaluate import evaluate as evaluate
    from synthcmr.verbs.fit_recalibration import FitRecalibrationOptions as FitRecalibrationOptions
    from synthcmr.verbs.fit_recalibration import fit_recalibration as fit_recalibration
    from synthcmr.verbs.generate import generate as generate
    from synthcmr.verbs.generate_options import GenerateOptions as GenerateOptions
    from synthcmr.verbs.judge import Judge as Judge
    from synthcmr.verbs.judge import JudgeOptions as JudgeOptions
    from synthcmr.verbs.recalibrate import RecalibrateOptions as RecalibrateOptions
    from synthcmr.verbs.recalibrate import recalibrate as recalibrate
    from synthcmr.verbs.train import TrainOptions as TrainOptions
    from synthcmr.verbs.train import train as train

__version__ = "0.1.0"

VERBS = {  # name -> where it is
    "BalanceOptions": "synthcmr.verbs.balance",
    "Cohort": "synthcmr.cohort",
    "DebiasOptions": "synthcmr.verbs.debias",
    "EvaluateOptions": "synthcmr.verbs.evaluate",
    "FitRecalibrationOptions": "synthcmr.verbs.fit_recalibration",
    "GenerateOptions": "synthcmr.verbs.generate_options",
    "Judge": "synthcmr.verbs.judge",
    "JudgeOptions": "synthcmr.verbs.judge",
    "RecalibrateOptions": "synthcmr.verbs.recalibrate",
    "Recalibration": "synthcmr.frequency.recalibration",
    "SpectrumOptions": "synthcmr.verbs.compare_spectra",
    "TrainOptions": "synthcmr.verbs.train",
    "balance": "synthcmr.verbs.balance",
    "compare_spectra": "synthcmr.verbs.compare_spectra",
    "debias": "synthcmr.verbs.debias",
    "evaluate": "synthcmr.verbs.evaluate",
    "fit_recalibration": "synthcmr.verbs.fit_recalibration",
    "generate": "synthcmr.verbs.generate",
    "load_generator": "synthcmr.generators.families",
    "recalibrate": "synthcmr.verbs.recalibrate",
    "train": "synthcmr.verbs.train",
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
