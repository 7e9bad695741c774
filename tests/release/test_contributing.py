"""The examples of CONTRIBUTING.md, run as they stand, and the files it names."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.cohort.readers import READERS
from synthcmr.conditioning.condition import Condition
from synthcmr.config import IngestSettings
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.score_parts import PARTS
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.generators.families import FAMILIES, load_generator
from synthcmr.generators.sampler import SamplerSettings
from tests.cohort.making import heart_stack
from tests.evaluation.making import cohort_of, heart
from tests.generators.making import LOOP

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One example as a module."""
    module = ModuleType(f"example_{request.param}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(dict(EXAMPLE.findall(TEXT))[request.param], "CONTRIBUTING.md", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("example", ["reader"], indirect=True)
def test_the_reader_reads_and_says_what_it_cannot(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "npz", f"{example.__name__}:NpzReader")
    (tmp_path / "in").mkdir()
    for k in range(3):
        stack = heart_stack(k)
        np.savez(
            tmp_path / "in" / f"p{k}", image=stack.image, mask=stack.mask, spacing_mm=[1.4, 1.4, 8.0], sex="female"
        )
    (tmp_path / "in" / "p3.npz").write_bytes(b"no")
    cohort = ingest(plan_ingest(tmp_path / "in", IngestSettings(format="npz")), tmp_path / "out", workers=1)
    assert cohort.subjects["sex"].tolist() == ["female"] * 3
    assert "expected image, mask, spacing_mm and sex" in cohort.rejects["reason"].iloc[0]


@pytest.mark.parametrize("example", ["family"], indirect=True)
def test_the_family_learns_is_kept_and_draws_by_seed(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = Cohort.open(Path(__file__).parent / "written_by_0_1_0" / "cohort")
    monkeypatch.setitem(FAMILIES, "paint", f"{example.__name__}:PaintGenerator")
    model, _ = example.PaintGenerator.settings("cpu")
    example.PaintGenerator.fit(people, tmp_path / "run", model, LOOP)
    kept = load_generator(tmp_path / "run")
    condition = Condition(people.mask(0), {"sex": "female"})
    first, again = (kept.sample([condition] * n, [5, 6][:n], SamplerSettings()) for n in (1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert (again[1] != first[0]).any()


@pytest.mark.parametrize("example", ["metric"], indirect=True)
def test_the_metric_finds_what_is_planted(example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "framing", ("Are hearts within the image?", example.framing))
    rules = {"framing": {"framing": example.RULE}}
    settings = EvaluateSettings(draws=40, rules={**EvaluateSettings().rules, **rules})
    real, whole, cut = (cohort_of(tmp_path / str(k), [heart(k + i) for i in range(12)]) for k in (0, 20, 40))
    cut.images["heart_cut"] = cut.images.index % 2 == 0
    words = [
        evaluate(real, made, tmp_path / f"out{k}", settings, only=("framing",)).parts["framing"].verdict.word
        for k, made in enumerate((whole, cut))
    ]
    assert words == ["good", "bad"]


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/.-]+\.\w+)`", TEXT)
    named += [f"src/synthcmr/{n}" for n in re.findall(r"`((?:readers|generators|evaluation)/[\w/]+\.py)`", TEXT)]
    missing = [
        n
        for n in named
        if "NAME" not in n and not (ROOT / n.replace("synthcmr/readers", "synthcmr/cohort/readers")).exists()
    ]
    assert len(named) > 10
    assert not missing
