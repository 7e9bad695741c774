"""The same anatomy and patient as another scanner would show them."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.run_folder import WEIGHTS
from tests.journeys.typing_in import run
from tests.report.accessible import check


def test_redrawn_under_the_same_conditions_an_image_stays_what_it_was(tiny_run: Path, phantom_cohort: Cohort) -> None:
    generator = FlowGenerator.load(tiny_run / WEIGHTS)
    asked = [Condition(phantom_cohort.mask(i), {"sex": "female", "vendor": "Siemens"}) for i in range(3)]
    images = np.stack([phantom_cohort.image(i) for i in range(3)])
    settings = SamplerSettings(steps=60, guidance=1.0, precision="fp32")
    again = generator.redraw(images, asked, asked, settings)
    assert np.abs(again - images).mean() < 0.02
    other = [Condition(c.mask, {**c.attributes, "vendor": "Philips"}) for c in asked]
    changed = generator.redraw(images, asked, other, settings)
    assert np.abs(changed - again).max() > 1e-4


def test_a_cohort_is_redrawn_from_the_command_line(tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path) -> None:
    run(
        *(
            "generate",
            tmp_path / "out",
            "--follow",
            phantom_cohort.path,
            "--to-scanner",
            "vendor=Philips",
            "--run",
            tiny_run,
        ),
        *("--subjects", 2, "--size", 64, "--steps", 2, "--no-screen"),
    )
    made = Cohort.open(tmp_path / "out")
    assert set(made.subjects["vendor"]) == {"Philips"}
    assert "centre" not in made.subjects or made.subjects["centre"].isna().all()  # it was the other scanner's
    check(tmp_path / "out" / "generated.html")
    page = (tmp_path / "out" / "generated.html").read_text()
    assert "real subjects as another scanner would show them" in page
    assert "Nobody" not in page
    paired = phantom_cohort.images[phantom_cohort.images["phases"].map(lambda p: {"ED", "ES"} <= set(p))]
    in_order = [f"real:{name}" for name in dict.fromkeys(paired["subject_id"])][:2]
    assert list(dict.fromkeys(made.images["anatomy_source"])) == in_order
    source = made.images["anatomy_source"].iloc[0].removeprefix("real:")
    mine = np.concatenate(
        [made.mask(i) for i in range(len(made)) if made.images["anatomy_source"].iloc[i] == f"real:{source}"]
    )
    rows = [i for i in range(len(phantom_cohort)) if phantom_cohort.table["subject_id"].iloc[i] == source]
    assert np.array_equal(mine, np.concatenate([phantom_cohort.mask(i) for i in rows]))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--to-scanner", "vendor=Philips"), "--follow COHORT"),
        (("--follow", "COHORT", "--to-scanner", "sex=male"), "expected NAME=VALUE with a name of vendor"),
        (("--follow", "COHORT", "--to-scanner", "vendor=Fuji"), "has not seen it"),
        (("--follow", "COHORT", "--to-scanner", ""), "expected NAME=VALUE"),
    ],
)
def test_what_cannot_be_redrawn_is_said(
    phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    words = tuple(str(phantom_cohort.path) if w == "COHORT" else w for w in words)
    done = run("generate", tmp_path / "out", *words, "--run", tiny_run, "--size", 64, "--no-screen", ok=False)
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cohort_is_redrawn_in_a_look_that_was_learned(phantom_cohort: Cohort, tmp_path: Path) -> None:
    words = ("--follow", phantom_cohort.path, "--subjects", 1, "--size", 64, "--steps", 2, "--no-screen")
    made = {}
    for look in ("sunnybrook", "phantom"):
        run("generate", tmp_path / look, *words, "--to-scanner", f"look={look}")
        made[look] = Cohort.open(tmp_path / look)
        assert set(made[look].images["look"]) == {look}
    assert np.array_equal(made["sunnybrook"].mask(0), made["phantom"].mask(0))
    assert np.abs(made["sunnybrook"].image(0) - made["phantom"].image(0)).max() > 1e-3


@pytest.mark.parametrize(("style", "known"), [("look=elsewhere", "sunnybrook"), ("vendor=Philips", "GE, Siemens")])
def test_a_refining_generator_says_what_it_has_not_seen(
    phantom_cohort: Cohort, tmp_path: Path, style: str, known: str
) -> None:
    words = ("--follow", phantom_cohort.path, "--to-scanner", style, "--size", 64, "--no-screen")
    done = run("generate", tmp_path / "out", *words, ok=False)
    assert f"--to-scanner {style}: the generator has not seen it" in done.stderr
    assert known in done.stderr
    assert not (tmp_path / "out").exists()


def test_other_families_cannot_be_followed_back(phantom_cohort: Cohort, tmp_path: Path) -> None:
    from synthcmr.generators.vae import VaeGenerator
    from synthcmr.sampling.generate import generate
    from synthcmr.sampling.requests import Request
    from synthcmr.sampling.settings import GenerateSettings
    from synthcmr.sampling.sources import Sources
    from tests.generators.making import FAMILIES, LOOP

    VaeGenerator.fit(phantom_cohort, tmp_path / "vae", FAMILIES["vae"][1], LOOP)
    with pytest.raises(SettingsError, match="family flow"):
        generate(
            tmp_path / "out",
            [Request("a", 1, like=phantom_cohort.subjects["subject_id"].iloc[0])],
            Sources(run=tmp_path / "vae", like=phantom_cohort.path),
            GenerateSettings(redraw=True, masks="real", size=64),
        )
