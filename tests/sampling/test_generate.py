from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.grouping import grouped
from synthcmr.errors import CohortError
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import Request, from_prompt, like_cohort, seed_of
from synthcmr.sampling.screening import implausible
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.sampling.stack import order

FAST = GenerateSettings(
    sampler=SamplerSettings(steps=2, batch=4), screen=ScreenSettings(enabled=False), size=64, spacing_mm=3.0
)


def asked(count: int, level: str = "whole", **attributes: object) -> list[Request]:
    return from_prompt(count, 7, attributes, {}, None, level, "a test")  # type: ignore[arg-type]


def pixels(cohort: Cohort) -> np.ndarray:
    return np.stack([cohort.image(i) for i in range(len(cohort))])


def test_a_synthetic_cohort_is_a_cohort(tiny_run: Path, tmp_path: Path) -> None:
    made = generate(tmp_path / "out", asked(2, sex="female", age=50.0), Sources(run=tiny_run), FAST)
    assert len(made.subjects) == 2
    assert set(made.subjects["sex"]) == {"female"}
    assert made.info["origin"] == ["synthetic"]
    stack = made.stacks(made.subjects["subject_id"].iloc[0])[0]
    assert stack.phases == ("ED", "ES")
    assert stack.image.shape == stack.mask.shape
    table = made.images
    assert {"seed", "tries", "prompt", "run_hash", "anatomy_source"} <= set(table.columns)
    assert {"basal", "mid", "apical"} <= set(table["slice_level"].dropna())
    volumes = made.volumes()
    edv = made.subjects.set_index("subject_id")["asked_lv_edv_ml"]
    for row in volumes[volumes["phase"] == "ED"].itertuples():
        assert row.lv_ml == pytest.approx(edv[row.subject_id], rel=0.03)
    assert made.provenance["inputs"][0]["kind"] == "run"


def test_what_nobody_asked_for_is_marked_as_drawn(tiny_run: Path, tmp_path: Path) -> None:
    people = [{"bmi": 31.0, "diagnosis": "DCM"}, {"sex": "female", "age": 50.0, "bmi": 24.0, "height_cm": 165.0}, {}]
    requests = [Request(f"p{k}", k, who, level="mid") for k, who in enumerate(people)]  # type: ignore[arg-type]
    made = generate(tmp_path / "out", requests, Sources(run=tiny_run), FAST)
    told = made.subjects.set_index("subject_id")
    drawn = [set(told.loc[f"p{k}", "drawn"].split(",")) for k in range(3)]
    scanner = {"vendor", "field_strength_t", "centre"}
    person = {"sex", "age", "bmi", "height_cm", "weight_kg", "diagnosis"}
    assert drawn[0] == {"sex", "age", "height_cm", "weight_kg", *scanner}
    assert drawn[1] == {"diagnosis", *scanner}  # the weight follows
    assert drawn[2] == person | scanner
    for k in range(3):
        assert told.loc[f"p{k}", list(drawn[k])].notna().all(), "what was drawn is told all the same"
    assert told["sex"].notna().all()
    assert "drawn" not in grouped(made.subjects).columns, "it describes nobody, so that no audit counts by it"


def test_of_a_followed_patient_only_what_the_cohort_does_not_tell_is_drawn(
    phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path
) -> None:
    name = str(phantom_cohort.subjects["subject_id"].iloc[0])
    asks = like_cohort([(name, {"bmi": 25.0})], 1, 0, {}, "mid")
    sources = Sources(run=tiny_run, like=phantom_cohort.path)
    new = generate(tmp_path / "new", asks, sources, FAST).subjects.iloc[0]
    own = generate(tmp_path / "own", asks, sources, FAST.model_copy(update={"masks": "deformed"})).subjects.iloc[0]
    assert {"sex", "age"} <= set(new["drawn"].split(","))
    assert not {"sex", "age", "bmi", "diagnosis"} & set(str(own.get("drawn") or "").split(","))


def test_images_do_not_depend_on_batch_processes_or_interruption(tiny_run: Path, tmp_path: Path) -> None:
    sources, requests = Sources(run=tiny_run), asked(17, "mid")
    whole = generate(tmp_path / "whole", requests, sources, FAST)
    one = FAST.model_copy(update={"sampler": SamplerSettings(steps=2, batch=1)})
    alone = generate(tmp_path / "alone", requests, sources, one)
    spread = generate(tmp_path / "spread", requests, sources, FAST, workers=2)
    for other in (alone, spread):
        assert np.abs(pixels(whole) - pixels(other)).max() < 1e-3  # float16 storage; rendering agrees to 1e-4
        assert list(whole.images["seed"]) == list(other.images["seed"])


def test_an_interrupted_cohort_goes_on_and_another_request_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int, name: str) -> None:
        if done == 17:
            raise EnoughError

    sources, requests = Sources(run=tiny_run), asked(20, "mid")
    with pytest.raises(EnoughError):
        generate(tmp_path / "out", requests, sources, FAST, progress=stop)
    with pytest.raises(CohortError, match="made with other settings"):
        generate(tmp_path / "out", asked(3, "mid"), sources, FAST)
    made = generate(tmp_path / "out", requests, sources, FAST)
    whole = generate(tmp_path / "whole", requests, sources, FAST)
    assert made.hash == whole.hash


def test_a_single_slice_knows_where_it_lies(tiny_run: Path, tmp_path: Path) -> None:
    made = generate(tmp_path / "out", asked(3, "apical"), Sources(run=tiny_run), FAST)
    assert set(made.images["slice_level"]) == {"apical"}
    assert (made.images["slice_fraction"] > 0.6).all()
    assert len(made) == 3


@pytest.mark.parametrize("masks", ["real", "deformed"])
def test_masks_of_a_cohort_can_be_followed(tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path, masks: str) -> None:
    people = [(n, {"sex": phantom_cohort.attributes(n)["sex"]}) for n in phantom_cohort.subjects["subject_id"]]
    requests = like_cohort(people, 3, 1, {}, "whole")
    settings = FAST.model_copy(update={"masks": masks})
    made = generate(tmp_path / "out", requests, Sources(run=tiny_run, like=phantom_cohort.path), settings)
    for request in requests:
        drawn, real = made.stacks(request.name)[0].mask, phantom_cohort.stacks(str(request.like))[0].mask
        assert drawn.shape == real.shape
        assert np.array_equal(drawn, real) == (masks == "real")
    assert all(s.startswith(f"{masks}:") for s in made.images["anatomy_source"])


def test_what_the_screen_rejects_is_reported_and_not_kept(tiny_run: Path, tmp_path: Path) -> None:
    strict = FAST.model_copy(update={"screen": ScreenSettings(tries=2, min_dice=0.999), "size": 128, "spacing_mm": 1.5})
    made = generate(tmp_path / "out", asked(2, "mid"), Sources(run=tiny_run), strict)
    assert len(made) == 0
    assert len(made.rejects) == 2
    assert made.rejects["reason"].str.contains("re-segmentation disagrees").all()
    assert made.rejects["reason"].str.contains("after 2 tries").all()


def test_stacks_are_drawn_from_the_middle_outwards_and_every_slice_sees_the_one_before() -> None:
    rounds = order(7)
    drawn: set[int] = set()
    for work in rounds:
        for z, beside in work:
            assert beside is None or (beside in drawn and abs(z - beside) == 1)
        drawn |= {z for z, _ in work}
    assert drawn == set(range(7))
    assert rounds[0] == [(3, None)]


def test_seeds_depend_on_everything_and_never_meet() -> None:
    seeds = [seed_of(0, i, k) for i in range(50) for k in ("slice", "scanner")]
    assert len(set(seeds)) == len(seeds)
    assert seed_of(0, 1) == seed_of(0, 1) != seed_of(1, 0)


def test_people_of_a_cohort_are_followed_evenly() -> None:
    requests = like_cohort([("a", {"sex": "female"}), ("b", {"sex": "male"})], 6, 0, {"age": 40.0}, "mid")
    assert sorted(str(r.like) for r in requests) == ["a"] * 3 + ["b"] * 3
    assert all(r.attributes["age"] == 40.0 for r in requests)


def test_masks_that_are_no_hearts_are_found() -> None:
    good = np.zeros((1, 40, 40), np.uint8)
    good[0, 10:30, 10:30], good[0, 14:26, 14:26] = 2, 1
    assert implausible(good) is None
    open_wall = good.copy()
    open_wall[0, :, 20:][open_wall[0, :, 20:] == 2] = 0
    assert implausible(open_wall) == "the wall does not enclose the cavity"
    two = good.copy()
    two[0, 2:6, 2:6] = 3
    two[0, 34:38, 34:38] = 3
    assert implausible(two) == "rv in 2 parts"
