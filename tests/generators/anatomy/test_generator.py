import pytest

from synthcmr.generators.anatomy.generator import FARTHEST, solved


def test_a_smooth_dependence_is_solved() -> None:
    assert 3.0 * solved(lambda t: 3.0 * t**0.7, 20.0) ** 0.7 == pytest.approx(20.0, rel=0.011)


def test_what_cannot_be_reached_is_approached_and_never_told_absurdly() -> None:
    told = solved(lambda t: min(t, 12.0), 20.0)
    assert 12.0 <= told <= 20.0 * FARTHEST
    asked: list[float] = []

    def stubborn(told: float) -> float:
        asked.append(told)
        return 5.0

    solved(stubborn, 20.0)
    assert max(asked) <= 20.0 * FARTHEST * 1.0001


def test_the_best_that_was_seen_is_kept() -> None:
    seen: dict[float, float] = {}

    def jagged(told: float) -> float:
        seen[told] = told * (1.3 if len(seen) % 2 else 0.8)
        return seen[told]

    told = solved(jagged, 10.0)
    assert abs(seen[told] / 10 - 1) <= min(abs(v / 10 - 1) for v in seen.values()) + 0.05
