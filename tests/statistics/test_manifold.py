import numpy as np
from scipy.spatial.distance import cdist

from synthcmr.statistics.manifold import NAMES, manifold, repeats
from synthcmr.statistics.sample import Sample

K = 3


def brute(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """As the papers define them, for images of different subjects."""
    ball = {name: np.sort(cdist(x, x), axis=1)[:, K] for name, x in (("real", real), ("fake", fake))}
    d = cdist(real, fake)
    inside = d <= ball["real"][:, None]
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": (d <= ball["fake"][None, :]).any(axis=1).mean(),
        "density": inside.sum() / (K * len(fake)),
        "coverage": (d.min(axis=1) <= ball["real"]).mean(),
    }


def test_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(700, 3)), rng.normal(0.5, 0.6, (600, 3))
    found = manifold(Sample.of(real, np.arange(700)), Sample.of(fake, np.arange(600)), K)
    for name, value in brute(real, fake).items():
        np.testing.assert_allclose(found.of(name)[0].mean(), value, atol=1e-9)
    assert set(NAMES) == set(brute(real, fake))


def test_a_subjects_own_slices_do_not_shrink_its_ball() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=(80, 3))
    real = Sample.of(np.repeat(own, 6, axis=0) + rng.normal(0, 1e-3, (480, 3)), np.repeat(np.arange(80), 6))
    fake = Sample.of(rng.normal(size=(480, 3)), np.arange(480))
    alone = Sample.of(real.values, np.arange(480))  # as if each slice were somebody's only one
    assert manifold(alone, fake, K).precision.mean() < 0.05
    assert manifold(real, fake, K).precision.mean() > 0.6


def test_a_collapsed_set_is_precise_and_covers_nothing() -> None:
    rng = np.random.default_rng(2)
    real = Sample.of(rng.normal(size=(300, 3)), np.arange(300))
    fake = Sample.of(np.tile(real.values[:4], (75, 1)) + rng.normal(0, 1e-3, (300, 3)), np.arange(300))
    found = manifold(real, fake, K)
    assert repeats(real, fake).mean() == 1
    assert repeats(real, Sample.of(rng.normal(size=(300, 3)), np.arange(300))).mean() < 0.05
    assert found.precision.mean() == 1
    assert found.coverage.mean() < 0.15
