"""synthcmr: synthetic cardiac MRI that a research group or a hospital can use.

Every step of the chain is a function here; `synthcmr COMMAND` calls the same ones. They are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort as Cohort
    from synthcmr.generators.families import load_generator as load_generator
    from synthcmr.verbs.audit import AuditOptions as AuditOptions
    from synthcmr.verbs.audit import audit as audit
    from synthcmr.verbs.export import ExportOptions as ExportOptions
    from synthcmr.verbs.export import export as export
    from synthcmr.verbs.generate import generate as generate
    from synthcmr.verbs.generate_options import GenerateOptions as GenerateOptions
    from synthcmr.verbs.ingest import IngestOptions as IngestOptions
    from synthcmr.verbs.ingest import ingest as ingest
    from synthcmr.verbs.join import JoinOptions as JoinOptions
    from synthcmr.verbs.join import join as join
    from synthcmr.verbs.label import LabelOptions as LabelOptions
    from synthcmr.verbs.label import label as label
    from synthcmr.verbs.make_phantoms import PhantomOptions as PhantomOptions
    from synthcmr.verbs.make_phantoms import make_phantoms as make_phantoms
    from synthcmr.verbs.plan import PlanOptions as PlanOptions
    from synthcmr.verbs.plan import plan as plan

__version__ = "0.1.0"

VERBS = {  # name -> where it is
    "Cohort": "synthcmr.cohort",
    "AuditOptions": "synthcmr.verbs.audit",
    "audit": "synthcmr.verbs.audit",
    "ExportOptions": "synthcmr.verbs.export",
    "export": "synthcmr.verbs.export",
    "IngestOptions": "synthcmr.verbs.ingest",
    "ingest": "synthcmr.verbs.ingest",
    "JoinOptions": "synthcmr.verbs.join",
    "join": "synthcmr.verbs.join",
    "LabelOptions": "synthcmr.verbs.label",
    "label": "synthcmr.verbs.label",
    "PhantomOptions": "synthcmr.verbs.make_phantoms",
    "make_phantoms": "synthcmr.verbs.make_phantoms",
    "PlanOptions": "synthcmr.verbs.plan",
    "plan": "synthcmr.verbs.plan",
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
