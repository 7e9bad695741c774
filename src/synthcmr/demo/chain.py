"""The whole chain on digital phantoms, one public verb after another: read it from top to bottom as the tutorial.

Every verb continues what an interrupted call began and takes what is finished, so the same call again goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import synthcmr
from synthcmr.demo.folder import DemoFolder
from synthcmr.demo.size import FULL, LABEL, SENSITIVE, TARGET, DemoSize

STEPS = {
    "phantom": "digital subjects, unfair by design (preset 'biased')",
    "audit": "which groups are under-represented?",
    "plan": f"which subjects would make {LABEL} independent of {' and '.join(SENSITIVE)} ({TARGET})?",
    "generate": "their images, by the flow that ships",
    "recalibrate": "give them the high frequencies of real images",
    "debias": "do the images make a classifier fairer?",
    "evaluate": "are the images faithful, as requested, useful, fair, private?",
    "export": "for nnU-Net, and as DICOM",
}


@dataclass(frozen=True)
class DemoResult:
    """How a demo ended.

    Attributes:
        page: index.html, which opens offline.
        sentences: the results in three sentences.
    """

    page: Path
    sentences: tuple[str, ...]


def run_demo(out: Path | str, size: DemoSize = FULL, say: Callable[[str], None] = print) -> DemoResult:
    """Run the chain, and write one page with all results.

    Args:
        out: folder of the demo; an unfinished one is continued.
        size: how large it is.
        say: called with a line before each step.

    Raises:
        CohortError: the folder holds something else.
    """
    from synthcmr.report.demo_page import write_demo_page

    out, seed = Path(out), size.seed
    demo = DemoFolder(out, size, STEPS, say)
    workers = _networks_at_once()

    with demo.step("phantom"):  # stands for your own cohort: synthcmr.ingest(FILES, out / "cohort")
        real = synthcmr.make_phantoms(out / "cohort", preset="biased", splits=size.splits, seed=seed)

    with demo.step("audit"):
        synthcmr.audit(real, out=out / "audit", label=LABEL, seed=seed).to_html()

    with demo.step("plan"):  # whole stacks, because segmentation and volumes need them
        plan = synthcmr.plan(real, out / "plan", target=TARGET, budget=size.planned, level="whole", seed=seed)

    with demo.step("generate"):  # the flow has seen phantoms alone, as the subjects of this demo are
        generated = synthcmr.generate(out / "synthetic", plan=plan.folder, run="flow")
        generated.to_html()

    with demo.step("recalibrate"):  # learned from the training split, compared with the test split
        truth = synthcmr.fit_recalibration(real, out / "recalibration", set={"seed": seed})
        synthetic = synthcmr.recalibrate(generated, truth.folder, out / "recalibrated").cohort
        synthcmr.compare_spectra(real, generated, out / "spectrum", size.spectra, also=synthetic.path).to_html()

    with demo.step("debias"):  # options may be an object, a keyword, or both
        images = synthetic.path
        synthcmr.debias(real, out / "debiased", size.experiment, planned=images, workers=workers).to_html()

    with demo.step("evaluate"):
        synthcmr.evaluate(real, synthetic, out / "scores", size.evaluation, workers=workers).to_html()

    with demo.step("export"):
        both = synthcmr.join(out / "balanced", [real, synthetic])
        synthcmr.export(both, out / "nnunet", format="nnunet", overwrite=True)
        few = synthetic.subjects["subject_id"].head(size.dicom).tolist()
        synthcmr.export(synthetic.select(subject_id=few), out / "dicom", format="dicom", overwrite=True)

    sentences, page = write_demo_page(out, STEPS, demo.seconds)
    demo.note_results(sentences)
    return DemoResult(page, sentences)


def _networks_at_once() -> int:
    """Networks trained at once. Workers of all steps share one import of MONAI, which takes seconds."""
    from synthcmr.cohort.parallel import NETWORKS, cores, share
    from synthcmr.training.device import networks_at_once

    if cores() > 1:
        share("synthcmr.phantom.render", NETWORKS)
    return networks_at_once()
