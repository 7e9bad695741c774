"""Every code block of README and documentation is run, in order, in one folder for each page."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from tests.docs.blocks import blocks
from tests.docs.running import ROOT, Reader
from tests.docs.shelf import Shelf

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WALK = ROOT / "docs/how-to/use-acdc-mnms-ukb.md"
RUN = [p for p in PAGES if p != WALK and any(b.language in ("console", "python", "bash") for b in blocks(p))]
MOST_COMMANDS = 15  # from files to a set for nnU-Net
MOST_NOT_RUN = 8  # of all pages: whoever adds one takes another away, or argues for it here


@pytest.fixture(scope="session")
def shelf(phantom_cohort: Cohort, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"), phantom_cohort, tiny_run)


@pytest.fixture
def reader(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(tmp_path, shelf, monkeypatch)


@pytest.mark.parametrize("page", RUN, ids=lambda p: p.stem)
def test_every_block_of_a_page_runs_and_prints_what_the_page_shows(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        reader.follow(block)


def test_from_acdc_files_to_a_balanced_set_for_nnunet_with_a_report_in_at_most_fifteen_commands(reader: Reader) -> None:
    page = blocks(WALK)
    for block in page:
        reader.follow(block)
    (told,) = Path("nnunet_raw").glob("Dataset027_*/dataset.json")
    real, synthetic, both = (
        len(Cohort.open(Path(name)).select(split="train").subjects) for name in ("acdc", "better", "balanced")
    )
    assert 0 < synthetic == both - real
    assert json.loads(told.read_text())["numTraining"] > 2 * real
    assert Path("scores/report.html").stat().st_size > 10_000
    typed = [command for block in page for command, _ in block.commands()]
    assert len(typed[: typed.index(next(c for c in typed if " export " in c)) + 1]) <= MOST_COMMANDS


def test_blocks_that_are_not_run_are_few_and_each_says_why() -> None:
    left_out = [f"{b}: {b.not_run}" for page in PAGES for b in blocks(page) if b.not_run is not None]
    assert all(len(line.split(": ")[1]) > 10 for line in left_out), left_out
    assert len(left_out) <= MOST_NOT_RUN, left_out


def test_every_block_says_what_it_is() -> None:
    assert [str(b) for page in PAGES for b in blocks(page) if not b.language] == []


def test_the_generator_that_the_page_shows_is_the_one_that_it_installs() -> None:
    shown = [b.text for b in blocks(ROOT / "docs/how-to/bring-your-own-generator.md") if b.language == "python"]
    assert (ROOT / "examples/own_generator/painter.py").read_text().strip() in shown
