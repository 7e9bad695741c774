"""One of each thing that synthcmr writes and reads again, as small as it gets.

    python -m tests.release.artefacts tests/release/written_by_VERSION

writes what later versions must go on reading; done once per release, with that release.
"""

import shutil
import sys
from pathlib import Path

from synthcmr.config import PreprocessSettings
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.settings import EvaluateSettings, FidelitySettings
from synthcmr.fairness.planning.plan import plan_cohort
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.generators.family_settings import FlowSettings
from synthcmr.generators.flow import FlowGenerator
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.settings import LoopSettings

FLOW = FlowSettings(patch=8, channels=(8, 8), attention=(False, False), head_channels=8, token_width=8, planes=1)
SEGMENTER = SegmenterSettings(filters=(4, 4, 4), size=32)
LOOP = LoopSettings(steps=2, batch=2, warmup=1, held_out_every=2, held_out_images=2, sheet_every=2, checkpoint_every=2)
SCORED = EvaluateSettings(draws=20, fidelity=FidelitySettings(extractors=("radiomics",), floor_splits=1))


def write(folder: Path) -> None:
    """Cohort, plan, run, judge, recalibration and score card."""
    small = PreprocessSettings(spacing_mm=6.0, size=32)
    cohort = make_phantoms(folder / "cohort", "everyone", 8, seed=1, preprocess=small, workers=1)
    plan_cohort(cohort, "copy").write(folder / "plan")
    FlowGenerator.fit(cohort, folder / "run", FLOW, LOOP)
    Segmenter.fit(cohort, folder / "judge", SEGMENTER, LOOP)
    Recalibration().fit(cohort).save(folder / "recalibration")
    others = make_phantoms(folder / "others", "everyone", 8, seed=2, preprocess=small, workers=1)
    evaluate(cohort, others, folder / "scores", SCORED, only=("fidelity",))


def thin(folder: Path) -> None:
    """Leave what is read again; checkpoints, sheets and what parts kept belong to the version that made them."""
    for name in ("others", "scores/features", "scores/parts", "run/sheets", "judge/sheets"):
        shutil.rmtree(folder / name)
    for name in ("run/checkpoint.pt", "judge/checkpoint.pt"):
        (folder / name).unlink()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    thin(Path(sys.argv[1]))
