"""The page of a run: where it stands, and what its samples scored."""

from pathlib import Path

from synthcmr.report.run_page import write_run_page
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings


def test_it_says_where_the_run_stands_and_draws_the_scores_of_samples(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.start({"family": "flow", "model": {}, "loop": LoopSettings(steps=50).model_dump(mode="json")}, [])
    assert "Scores of samples" not in write_run_page(run.path).read_text()
    for k in range(1, 6):
        scores = {"held_out": 1 / k, "training": 1 / k, "real": 0.1, "rings": 0.2, "own_ratio": 1.0, "near_ratio": 1.0}
        if k > 3:
            scores["own_ratio"] = 0.25
        run.log({"step": 10 * k, "loss_flow": 1.0, "held_out": 1.0, "known": 1.0, "samples": scores})
    run.finish("", [], {"verdict": "", "weights_of_step": 30})
    page = write_run_page(run.path).read_text()
    assert "Copying its patients: samples come 4.0 times nearer to the image that was learned from" in page
    assert "stop at step 30" in page
    assert "The weights are those of step 30" in page
    assert "Scores of samples" in page
    assert "what real ones reach" in page
    run.start(
        {"family": "flow", "model": {}, "loop": LoopSettings(steps=50).model_dump(mode="json")}, []
    )  # the same run
