"""From attacks to scores, notes, tables and pictures: of a result that is changed on purpose."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.copies.registration import Variant
from synthcmr.evaluation.privacy.dp_audit import EpsilonAudit
from synthcmr.evaluation.privacy.interval_estimates import Absent, Identification, IntervalEstimate, membership_auc
from synthcmr.evaluation.privacy.membership.membership_attack import Attacks
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult
from synthcmr.evaluation.privacy.privacy_part import best_of, notes, privacy_scores
from synthcmr.evaluation.privacy.privacy_report import pictures, plots, tables
from synthcmr.evaluation.score import Score
from synthcmr.statistics.intervals import exact_share
from tests.evaluation.privacy.making import QUICK, Memory

SYNTHETIC = 400


def figure(value: float, low: float, high: float) -> IntervalEstimate:
    return IntervalEstimate(value=value, low=low, high=high, n=28)


def with_attacks(
    result: PrivacyResult, areas: list[IntervalEstimate], planted: float, control: IntervalEstimate
) -> PrivacyResult:
    """Of the attacks on images, areas, planted leaks and controls are replaced."""
    assert isinstance(result.black_box, Attacks)
    attacks = [
        a.model_copy(
            update={
                "result": a.result.model_copy(update={"auc": area}),
                "planted": figure(planted, planted - 0.1, planted + 0.1),
                "control": control,
            }
        )
        for a, area in zip(result.black_box.attacks, areas, strict=False)
    ]
    return result.model_copy(update={"black_box": Attacks(attacks=tuple(attacks))})


def with_copies(result: PrivacyResult, **values: Any) -> PrivacyResult:
    return result.model_copy(update={"near_copies": result.near_copies.model_copy(update=values)})


def scored(result: PrivacyResult, target: AttackTarget | None = None) -> dict[str, Score]:
    return {s.name: s for s in privacy_scores(result, QUICK, target or AttackTarget(), SYNTHETIC)}


@pytest.fixture
def three(result: PrivacyResult) -> PrivacyResult:
    areas = [figure(0.9, 0.6, 0.95), figure(0.8, 0.7, 0.9), figure(0.5, 0.4, 0.6)]
    return with_attacks(result, areas, planted=0.95, control=figure(0.6, 0.45, 0.7))


def test_the_attack_that_leaves_the_least_doubt_speaks_with_a_wider_interval(three: PrivacyResult) -> None:
    score = scored(three)["membership AUC (images)"]
    wider = norm.isf(0.025 / 3) / norm.isf(0.025)
    assert score.value == 0.8
    assert score.low == pytest.approx(0.8 - 0.1 * wider)
    assert score.high == pytest.approx(0.8 + 0.1 * wider)
    assert score.floor == 0.5
    assert scored(three)["AUC, nearest synthetic image (images)"].value == 0.9


def test_what_looks_alone_reach_is_no_membership(three: PrivacyResult) -> None:
    assert isinstance(three.black_box, Attacks)
    areas = [a.result.auc for a in three.black_box.attacks]
    scores = scored(with_attacks(three, areas, 0.95, figure(0.8, 0.75, 0.9)))
    assert scores["membership AUC (images)"].floor == 0.75
    assert scores["AUC, Monte Carlo (images)"].floor == 0.75


def test_attacks_that_find_not_even_a_planted_leak_say_nothing(three: PrivacyResult) -> None:
    low = [figure(0.6, 0.45, 0.7), figure(0.5, 0.4, 0.6), figure(0.5, 0.4, 0.6)]
    weak = with_attacks(three, low, planted=0.65, control=figure(0.5, 0.4, 0.6))
    score = scored(weak)["membership AUC (images)"]
    assert score.value is None
    assert "area of 0.65" in str(score.absent)
    assert "nearest synthetic image (images)" in " ".join(notes(weak, AttackTarget(), "real"))
    strong = with_attacks(three, low, planted=0.75, control=figure(0.5, 0.4, 0.6))
    assert scored(strong)["membership AUC (images)"].value == 0.6
    caught = with_attacks(three, [figure(0.9, 0.8, 1.0), *low[1:]], planted=0.65, control=figure(0.5, 0.4, 0.6))
    assert scored(caught)["membership AUC (images)"].value == 0.9  # weak, and yet it found something


def test_a_search_that_misses_what_it_must_find_cannot_say_that_there_is_none(result: PrivacyResult) -> None:
    none = {"copied": figure(0.0, 0.0, 0.1), "for_certain": {}, "subjects": {}, "copies": ()}
    for weak, silent in ((("rescaled",), True), (("all at once",), False)):
        scores = scored(with_copies(result, weak=weak, **none))
        for name in ("training subjects copied", "near-copies"):
            assert (scores[name].value is None) == silent, (weak, name)
    convicted = scored(with_copies(result, weak=("rescaled",)))
    assert convicted["training subjects copied"].value == 16
    assert "misses some that are rescaled" in " ".join(
        notes(with_copies(result, weak=("rescaled",)), AttackTarget(), "r")
    )


def test_near_copies_count_beyond_what_false_alarms_explain(result: PrivacyResult) -> None:
    alarms = figure(0.03, 0.0, 0.1)
    score = scored(with_copies(result, copied=figure(0.2, 0.1, 0.3), false_alarms=alarms))["near-copies"]
    assert (score.value, score.high, score.floor) == (0.2, 0.2, 0.03)
    assert score.low == pytest.approx(0.2 - binom.ppf(0.975, SYNTHETIC, 0.03) / SYNTHETIC)
    few = scored(with_copies(result, copied=figure(0.01, 0.0, 0.02), false_alarms=alarms))["near-copies"]
    assert few.low == 0.0


def test_a_promise_is_scored_as_a_share_of_the_claim(result: PrivacyResult) -> None:
    from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim

    kept = EpsilonAudit(claimed=2.0, delta=1e-5, bound=0.5, canaries=200, guesses=100, right=60, could_show=3.4)
    target = AttackTarget(claim=PrivacyClaim(epsilon=2.0, delta=1e-5, sample_rate=0.1, releases=10))
    name = "audited ε / claimed ε"
    assert scored(result.model_copy(update={"audit": kept}), target)[name].value == 0.25
    few = kept.model_copy(update={"could_show": 1.5})
    assert "too few to test" in str(scored(result.model_copy(update={"audit": few}), target)[name].absent)
    assert scored(result, target)[name].value is None


def test_generators_that_learned_from_others_and_scores_that_point_backwards_are_noted(
    result: PrivacyResult, three: PrivacyResult
) -> None:
    memory = Memory({})
    other = AttackTarget("m", memory, memory, learned_from=("another",))
    assert "did not learn from this real cohort" in " ".join(notes(result, other, "real"))
    same = AttackTarget("m", memory, memory, learned_from=("real",))
    assert "did not learn" not in " ".join(notes(result, same, "real"))
    assert "look more like members" not in " ".join(notes(three, same, "real"))
    turned = with_attacks(three, [figure(0.1, 0.0, 0.3)], 0.9, figure(0.5, 0.4, 0.6))
    assert "look more like members" in " ".join(notes(turned, same, "real"))
    assert "weights were not attacked" in " ".join(notes(result, AttackTarget("m", memory), "real"))


def test_tables_name_the_most_exposed_first_and_say_how_often_they_were_copied(result: PrivacyResult) -> None:
    table = {t.title: t for t in tables(result)}["Patients at most risk"]
    assert isinstance(result.black_box, Attacks)
    worst = result.black_box.strongest.result.risks[0]
    assert table.rows[0][1] == "3"  # of three slices
    least = min(float(cell.rstrip("%")) for row in table.rows for cell in row[2:])
    assert least == pytest.approx(100 * worst.outdone_by, abs=0.1)
    planted = {t.title: t for t in tables(result)}["Could it have found a copy?"]
    assert [row[0] for row in planted.rows][-1] == "none: held-out real images"
    assert planted.rows[-1][1].startswith("0.0%")


def test_copies_are_shown_with_what_was_done_to_them(result: PrivacyResult) -> None:
    copy = result.near_copies.copies[0]  # type: ignore[union-attr]
    for done, down, words in (
        (Variant(), 0.4, "as it is"),
        (Variant(mirrored=True), 0.0, "mirrored"),
        (Variant(mirrored=True, upside_down=True), 0.0, "turned half round"),
        (Variant(scale=1.2, degrees=-3.0), 7.0, "1.20 times as large, turned by -3°, moved by 7 pixels"),
    ):
        one = copy.model_copy(update={"done": done, "down": down, "right": 0.0, "correlation": 0.97})
        ((picture,),) = pictures(with_copies(result, copies=(one,))).values()
        assert picture.caption == f"0.97, {words}"
        assert picture.beside is not None
        assert picture.beside.image_id == copy.training_image
    assert list(pictures(with_copies(result, copies=()))) == ["No copies; most like a training image"]
    assert pictures(result.model_copy(update={"near_copies": Absent(reason="none")})) == {}


def test_figures_say_what_the_threshold_rests_on(result: PrivacyResult) -> None:
    note = next(p.note for p in plots(result) if p.title.startswith("How like"))
    assert "36 held-out images and 48 training images" in note
    alone = next(p.note for p in plots(with_copies(result, and_members=0)) if p.title.startswith("How like"))
    assert "training images" not in alone


def test_the_best_of_several_innocent_attacks_is_not_surely_above_chance() -> None:
    """Of 200 innocent sets, each with six attacks, the best is above 0.5 for certain in hardly more than the 2.5 % allowed."""
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(200):
        areas = [membership_auc(rng.normal(size=40), rng.normal(size=40), 200, 0) for _ in range(6)]
        best = max(areas, key=lambda a: a.low)
        accused += best_of(best, len(areas)).low > 0.5
    assert accused / 200 <= 0.06


def counted(result: PrivacyResult, hits: int, members: int = 100, others: int = 200, **values: Any) -> PrivacyResult:
    """Of every attack on images, so many members are identified, of all and of those who look like held-out subjects."""
    assert isinstance(result.black_box, Attacks)
    of = Identification(rate=max(0.01, 1 / (others + 1)), identified=hits, members=members, others=others)
    none = of.model_copy(update={"identified": 0, "members": members // 2})
    attacks = [
        a.model_copy(update={"result": a.result.model_copy(update={"identified": of}), "matched": none} | values)
        for a in result.black_box.attacks
    ]
    return result.model_copy(update={"black_box": Attacks(attacks=tuple(attacks))})


def test_members_who_are_exposed_for_certain_are_those_whom_chance_does_not_explain(result: PrivacyResult) -> None:
    unbiased = result.model_copy(update={"split_bias": figure(0.5, 0.4, 0.6)})
    share = scored(counted(unbiased, 40))["members identified (images)"]
    exposed = scored(counted(unbiased, 40))["members exposed for certain (images)"]
    assert share.value == 0.4
    assert share.low == pytest.approx(exposed.value / 100)  # type: ignore[operator]
    assert share.high == pytest.approx(exact_share(40, 100).high)
    assert 20 < exposed.value < 40  # type: ignore[operator]
    assert scored(counted(unbiased, 1))["members exposed for certain (images)"].value == 0
    few = scored(counted(unbiased, 4, members=4, others=4))["members exposed for certain (images)"]
    assert "too few to expose anyone" in str(few.absent)


def test_where_the_split_can_be_seen_only_members_who_look_like_others_count(result: PrivacyResult) -> None:
    biased = result.model_copy(update={"split_bias": figure(0.9, 0.8, 1.0)})
    name = "members exposed for certain (images)"
    assert scored(counted(biased, 40))[name].value == 0
    assert scored(counted(biased, 40, calibrated=True))[name].value > 0  # type: ignore[operator]
    assert "differ in looks" in str(scored(counted(biased, 40).model_copy(update={
        "black_box": counted(biased, 40, matched=None).black_box}))[name].absent)  # fmt: skip


def test_too_few_held_out_subjects_for_one_percent_are_told(result: PrivacyResult) -> None:
    said = " ".join(notes(result, AttackTarget(), "real"))
    assert "12 held-out subjects are too few for a false positive rate of 1%" in said
    assert "at 7.7%" in said
