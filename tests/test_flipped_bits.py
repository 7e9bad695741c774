"""A flipped bit in anything that synthcmr wrote is named before anybody computes with it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.provenance import write_record
from synthcmr.config import PreprocessSettings
from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.evaluate import evaluate, read_card
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.fairness.debias.experiment import claim
from synthcmr.fairness.planning.plan import plan_cohort
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.families import load_generator
from synthcmr.generators.fingerprints import Fingerprints
from synthcmr.generators.flow import FlowGenerator
from synthcmr.judges.segmenter import Segmenter
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.report.lineage import record_of
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.weights import read_tensors
from tests.release.artefacts import FLOW, LOOP, SCORED, SEGMENTER

FLIPS_PER_FILE = 30
NOT_READ = {".html", ".png", ".pt", ".npy"}  # pages and sheets are looked at; checkpoints check themselves
Everything = Callable[[Path], Any]  # reads a folder whole, and says what is in it


def run(path: Path) -> Any:
    generator = load_generator(path)
    prints = Fingerprints.load(path / "fingerprints.npz")
    assert prints is not None
    told = (RunFolder(path).record(), RunFolder(path).metrics(), record_of(path), generator.hash)
    return (
        told[:-1],
        {k: v.tolist() for k, v in read_tensors(path / "weights.safetensors").items()},
        prints.prints.tolist(),
    )


def judge(path: Path) -> Any:
    Segmenter.load(path / "weights.safetensors")
    tensors = {k: v.tolist() for k, v in read_tensors(path / "weights.safetensors").items()}
    return RunFolder(path).record(), RunFolder(path).metrics(), record_of(path), tensors


def plan(path: Path) -> Any:
    return Plan.read(path), record_of(path)


def recalibration(path: Path) -> Any:
    model = Recalibration.load(path)
    return dict(model.real.moments.arrays("group")), model.settings, record_of(path)


def scores(path: Path) -> Any:
    return read_card(path), record_of(path)


def anatomy(path: Path) -> Any:
    read = AnatomyGenerator.load(path / "anatomy.npz")
    return read.facts, read.people.means.tolist(), read.space.mean.tolist(), read.hearts.shape_root.tolist()


READ: dict[str, Everything] = {
    "run": run,
    "judge": judge,
    "plan": plan,
    "recalibration": recalibration,
    "scores": scores,
    "anatomy": anatomy,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    small = PreprocessSettings(spacing_mm=6.0, size=32)
    cohort = make_phantoms(folder / "cohort", "everyone", 16, seed=1, preprocess=small, workers=1)
    plan_cohort(cohort, "copy").write(folder / "plan")
    FlowGenerator.fit(cohort, folder / "run", FLOW, LOOP)
    Segmenter.fit(cohort, folder / "judge", SEGMENTER, LOOP)
    Recalibration().fit(cohort).save(folder / "recalibration")
    evaluate(cohort, Cohort.open(cohort.path), folder / "scores", SCORED, only=("fidelity",))
    (folder / "anatomy").mkdir()
    AnatomyGenerator.fit(cohort).save(folder / "anatomy/anatomy.npz")
    return folder


@pytest.fixture(params=READ)
def copy(request: pytest.FixtureRequest, written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written / request.param, tmp_path / request.param))


def files_of(path: Path) -> list[Path]:
    skipped = {"parts", "features"}  # what an evaluation keeps for itself
    return [
        p
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.suffix not in NOT_READ and not skipped & set(p.relative_to(path).parts)
    ]


def flipped(whole: bytes, source: np.random.Generator, flips: int) -> Iterator[tuple[int, bytes]]:
    """Copies of some bytes with one bit changed."""
    for place in source.integers(len(whole), size=flips).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(source.integers(8))
        yield place, bytes(damaged)


def equal(a: Any, b: Any) -> bool:
    try:
        np.testing.assert_equal(a, b)
    except AssertionError:
        return False
    return True


def test_a_flipped_bit_in_any_file_is_named(copy: Path) -> None:
    source, read = np.random.default_rng(0), READ[copy.name]
    content = read(copy)
    silent = []
    for file in files_of(copy):
        whole = file.read_bytes()
        for place, damaged in flipped(whole, source, FLIPS_PER_FILE):
            file.write_bytes(damaged)
            try:
                if not equal(read(copy), content):
                    silent.append(
                        f"{file.relative_to(copy)}, byte {place} of {len(whole)}: read as if nothing were wrong"
                    )
            except SynthcmrError as error:
                if file.name not in str(error) and str(copy) not in str(error):
                    silent.append(f"{file.relative_to(copy)}, byte {place}: not named in '{error}'")
        file.write_bytes(whole)
    assert silent == []


def test_a_file_that_is_gone_is_named(copy: Path) -> None:
    for file in files_of(copy):
        if file.name in ("provenance.json", "fingerprints.npz"):  # a folder may be without them
            continue
        whole = file.read_bytes()
        file.unlink()
        with pytest.raises(SynthcmrError, match=re.escape(str(copy))):
            READ[copy.name](copy)
        file.write_bytes(whole)


def test_a_kept_part_of_an_evaluation_is_checked(written: Path, tmp_path: Path) -> None:
    out, cohort = Path(shutil.copytree(written / "scores", tmp_path / "scores")), Cohort.open(written / "cohort")
    evaluate(cohort, cohort, out, SCORED, only=("fidelity",))
    file = out / "parts/fidelity.json"
    file.write_text(file.read_text().replace('"value": 0', '"value": 1', 1))
    with pytest.raises(SynthcmrError, match=r"fidelity\.json: .* its content has changed"):
        evaluate(cohort, cohort, out, SCORED, only=("fidelity",))


def test_the_record_of_an_experiment_is_checked(written: Path, tmp_path: Path) -> None:
    cohort = Cohort.open(written / "cohort")
    claim(cohort, tmp_path / "debias", DebiasSettings(), {})
    claim(cohort, tmp_path / "debias", DebiasSettings(), {})  # the same goes on
    file = tmp_path / "debias/experiment.json"
    file.write_text(file.read_text().replace("debias", "dfbias", 1))
    with pytest.raises(SynthcmrError, match=r"experiment\.json: .* its content has changed"):
        claim(cohort, tmp_path / "debias", DebiasSettings(), {})


def test_a_changed_key_of_the_checksum_is_noticed(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", {"one": 1})
    assert read_record(tmp_path / "a.json") == {"one": 1}
    (tmp_path / "a.json").write_text((tmp_path / "a.json").read_text().replace("checksum", "chdcksum"))
    with pytest.raises(SynthcmrError, match=r"a\.json: .* its content has changed"):
        read_record(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["", "[", "[1]", "\x00", "[" * 100_000, "9" * 5000])
def test_what_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SynthcmrError, match=r"a\.json: expected"):
        read_record(tmp_path / "a.json")
