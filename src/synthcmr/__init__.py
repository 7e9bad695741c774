"""synthcmr: synthetic cardiac MRI that a research group or a hospital can use.

Every step of the chain is a function here; `synthcmr COMMAND` calls the same ones. They are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort as Cohort
    from synthcmr.frequency.recalibration import Recalibration as Recalibration
    from synthcmr.generators.families import load_generator as load_generator
    from synthcmr.verbs.audit import AuditOptions as AuditOptions
    from synthcmr.verbs.audit import audit as audit
    from synthcmr.verbs.balance import BalanceOptions as BalanceOptions
    from synthcmr.verbs.balance import balance as balance
    from synthcmr.verbs.compare_spectra import SpectrumOptions as SpectrumOptions
    from synthcmr.verbs.compare_spectra import compare_spectra as compare_spectra
    from synthcmr.verbs.debias import DebiasOptions as DebiasOptions
    from synthcmr.verbs.debias import debias as debias
    from synthcmr.verbs.doctor import DoctorOptions as DoctorOptions
    from synthcmr.verbs.doctor import doctor as doctor
    from synthcmr.verbs.evaluate import EvaluateOptions as EvaluateOptions
    from synthcmr.verbs.evaluate import evaluate as evaluate
    from synthcmr.verbs.export import ExportOptions as ExportOptions
    from synthcmr.verbs.export import export as export
    from synthcmr.verbs.fit_recalibration import FitRecalibrationOptions as FitRecalibrationOptions
    from synthcmr.verbs.fit_recalibration import fit_recalibration as fit_recalibration
    from synthcmr.verbs.generate import generate as generate
    from synthcmr.verbs.generate_options import GenerateOptions as GenerateOptions
    from synthcmr.verbs.ingest import IngestOptions as IngestOptions
    from synthcmr.verbs.ingest import ingest as ingest
    from synthcmr.verbs.join import JoinOptions as JoinOptions
    from synthcmr.verbs.join import join as join
    from synthcmr.verbs.judge import Judge as Judge
    from synthcmr.verbs.judge import JudgeOptions as JudgeOptions
    from synthcmr.verbs.label import LabelOptions as LabelOptions
    from synthcmr.verbs.label import label as label
    from synthcmr.verbs.make_phantoms import PhantomOptions as PhantomOptions
    from synthcmr.verbs.make_phantoms import make_phantoms as make_phantoms
    from synthcmr.verbs.plan import PlanOptions as PlanOptions
    from synthcmr.verbs.plan import plan as plan
    from synthcmr.verbs.recalibrate import RecalibrateOptions as RecalibrateOptions
    from synthcmr.verbs.recalibrate import recalibrate as recalibrate
    from synthcmr.verbs.release import ReleaseOptions as ReleaseOptions
    from synthcmr.verbs.release import release as release
    from synthcmr.verbs.train import TrainOptions as TrainOptions
    from synthcmr.verbs.train import train as train

__version__ = "0.1.0"

VERBS = {  # name -> where it is
    "audit": "synthcmr.verbs.audit",
    "AuditOptions": "synthcmr.verbs.audit",
    "balance": "synthcmr.verbs.balance",
    "BalanceOptions": "synthcmr.verbs.balance",
    "Cohort": "synthcmr.cohort",
    "compare_spectra": "synthcmr.verbs.compare_spectra",
    "debias": "synthcmr.verbs.debias",
    "DebiasOptions": "synthcmr.verbs.debias",
    "doctor": "synthcmr.verbs.doctor",
    "DoctorOptions": "synthcmr.verbs.doctor",
    "evaluate": "synthcmr.verbs.evaluate",
    "EvaluateOptions": "synthcmr.verbs.evaluate",
    "export": "synthcmr.verbs.export",
    "ExportOptions": "synthcmr.verbs.export",
    "fit_recalibration": "synthcmr.verbs.fit_recalibration",
    "FitRecalibrationOptions": "synthcmr.verbs.fit_recalibration",
    "generate": "synthcmr.verbs.generate",
    "GenerateOptions": "synthcmr.verbs.generate_options",
    "ingest": "synthcmr.verbs.ingest",
    "IngestOptions": "synthcmr.verbs.ingest",
    "join": "synthcmr.verbs.join",
    "JoinOptions": "synthcmr.verbs.join",
    "Judge": "synthcmr.verbs.judge",
    "JudgeOptions": "synthcmr.verbs.judge",
    "label": "synthcmr.verbs.label",
    "LabelOptions": "synthcmr.verbs.label",
    "load_generator": "synthcmr.generators.families",
    "make_phantoms": "synthcmr.verbs.make_phantoms",
    "PhantomOptions": "synthcmr.verbs.make_phantoms",
    "plan": "synthcmr.verbs.plan",
    "PlanOptions": "synthcmr.verbs.plan",
    "recalibrate": "synthcmr.verbs.recalibrate",
    "RecalibrateOptions": "synthcmr.verbs.recalibrate",
    "Recalibration": "synthcmr.frequency.recalibration",
    "release": "synthcmr.verbs.release",
    "ReleaseOptions": "synthcmr.verbs.release",
    "SpectrumOptions": "synthcmr.verbs.compare_spectra",
    "train": "synthcmr.verbs.train",
    "TrainOptions": "synthcmr.verbs.train",
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
