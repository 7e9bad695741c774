"""What is wrong with a command line is told before torch is imported, which takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

from synthcmr.cohort import Cohort

REFUSED = {
    "train flwo COHORT runs/x": "expected one of refine, refine-once, flow, diffusion",
    "train flow COHORT runs/x --preset huge": "--preset: expected one of cpu, 8g, 24g, 80g; got 'huge'",
    "train gan COHORT runs/x --set loop.stepps=5": "did you mean 'steps'?",
    "train few-step COHORT runs/x --set model.leaps=0": "'leaps': expected at least 1, got 0",
    "train flow COHORT runs/x --init-from phantom --set model.text_encoder=words": "expected 'tokens' or 'clip', got 'words'",
    "train latent COHORT runs/x --set model.rank=4": "--set model: rank needs a start",
    "train stable COHORT runs/x --rank 4": "--rank: expected --init-from as well",
    "train vae COHORT runs/x --dp epsilon=-1": "--dp: 'epsilon': expected more than 0",
    "train flow COHORT runs/x --balance sex --dp epsilon=8": "--balance with --dp: expected one of them",
    "train flow COHORT runs/x --balance sexx": "got 'sexx'",
    "train diffusion COHORT runs/x --init-from nowhere": "nowhere: expected a run folder",
    "train flow nowhere runs/x": "nowhere: expected a cohort folder",
    "judge fit reader COHORT judges/x --set loop.stepps=5": "did you mean 'steps'?",
    "judge score reader COHORT nowhere": "nowhere: expected a run folder",
    "generate out --run nowhere": "nowhere: expected a run folder",
    "generate out --judges nowhere": "nowhere/segmenter: expected a run folder",
    "generate out --anatomy nowhere": "nowhere: expected an anatomy generator",
    "generate out --follow nowhere": "nowhere: expected a cohort folder",
    "generate out --plan nowhere": "nowhere: expected a plan's folder",
    "generate out --recalibrate nowhere": "nowhere: expected a recalibration",
    "generate out --sampler best": "--sampler: expected 'adams', 'euler', 'heun',",
    "evaluate COHORT nowhere scores": "nowhere: expected a cohort folder",
    "evaluate COHORT COHORT scores --reader nowhere": "nowhere: expected a run folder",
    "recalibrate fit nowhere truth": "nowhere: expected a cohort folder, or a folder with image files",
    "recalibrate apply COHORT nowhere better": "nowhere: expected a recalibration",
    "spectrum COHORT nowhere spectra": "nowhere: expected a cohort folder, or a folder with image files",
    "debias nowhere debiased": "nowhere: expected a cohort folder",
    "balance COHORT balanced --run nowhere": "nowhere: expected a run folder",
}
SCRIPT = """
import json, sys
from typer.testing import CliRunner
from synthcmr.cli.app import app

said = {}
for line in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code, line
    said[line] = [f"{done.output}{done.exception}", [m for m in ("torch", "monai", "sklearn") if m in sys.modules]]
print(json.dumps(said))
"""


def test_wrong_names_values_and_paths_are_told_before_anything_heavy_is_imported(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    lines = {line.replace("COHORT", str(phantom_cohort.path)): told for line, told in REFUSED.items()}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(list(lines))],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    said = json.loads(done.stdout)
    for line, told in lines.items():
        text, heavy = said[line]
        assert told in " ".join(text.split()), line
        assert "Value error" not in text, line
        assert heavy == [], line
    assert list(tmp_path.iterdir()) == []
