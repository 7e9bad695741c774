"""What `evaluate --run` attacks draws as the cohort was drawn, not as generators draw by default."""

from pathlib import Path

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.verbs.evaluate import load_attack_target


def test_the_attacked_generator_draws_with_the_sampler_of_the_cohort(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    drawn = synthcmr.generate(tmp_path / "s", run=tiny_run, count=2, size=64, steps=3, guidance=1.5, screen=False)
    target = load_attack_target(tiny_run, (tiny_run,), drawn.cohort)
    assert target.sampling is not None
    for answering in (target.sampling, *target.references):
        assert (answering.sampler.steps, answering.sampler.guidance) == (3, 1.5)  # type: ignore[attr-defined]
    usual = load_attack_target(tiny_run, (), phantom_cohort)  # whose provenance names no sampler
    assert usual.sampling is not None
    assert usual.sampling.sampler.steps == 10  # type: ignore[attr-defined]
    assert usual.name != load_attack_target(tiny_run, (), drawn.cohort).name  # so that it is judged anew
