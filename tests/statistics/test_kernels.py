import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from synthcmr.statistics.bootstrap import seeded_counts
from synthcmr.statistics.intervals import percentile
from synthcmr.statistics.kernels import Blocks, cubic, gaussian_kernel, kid_of_subsets, unbiased
from synthcmr.statistics.sample import Sample


def told_by_torch_fidelity(a: np.ndarray, b: np.ndarray, subsets: int, size: int) -> float:
    """Its procedure (polynomial_mmd_averages: degree 3, gamma 1/d, coef0 1, seed 2020), on scikit-learn's kernel."""
    rng = np.random.RandomState(2020)
    found = []
    for _ in range(subsets):
        x, y = a[rng.choice(len(a), size, replace=False)], b[rng.choice(len(b), size, replace=False)]
        k = [polynomial_kernel(p, q, degree=3, coef0=1) for p, q in ((x, x), (y, y), (x, y))]
        own = sum(m.sum() - np.trace(m) for m in k[:2]) / (size * (size - 1))
        found.append(own - 2 * k[2].sum() / size**2)
    return float(np.mean(found))


def test_kid_is_torch_fidelitys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 16)), rng.normal(0.2, 1.1, (250, 16))
    assert kid_of_subsets(a, b, 10, 100) == pytest.approx(told_by_torch_fidelity(a, b, 10, 100), rel=1e-6)


def sample(rng: np.random.Generator, subjects: int, mean: float, each: int = 3) -> Sample:
    own = rng.normal(mean, 1, (subjects, 5))
    values = np.repeat(own, each, axis=0) + rng.normal(0, 0.3, (subjects * each, 5))
    return Sample.of(values, np.repeat(np.arange(subjects), each))


def test_blocks_are_the_kernel_summed() -> None:
    rng = np.random.default_rng(1)
    a, b = sample(rng, 12, 0), sample(rng, 9, 0.5)
    ones = np.ones(12), np.ones(9)
    assert Blocks.of(a, b, cubic).by_images(*ones) == pytest.approx(unbiased(a.values, b.values))
    k = [rbf_kernel(x, y, gamma=1 / 8) for x, y in ((a.values, a.values), (b.values, b.values), (a.values, b.values))]
    apart = [s.subject[:, None] != s.subject[None, :] for s in (a, b)]
    told = k[0][apart[0]].mean() + k[1][apart[1]].mean() - 2 * k[2].mean()
    assert Blocks.of(a, b, gaussian_kernel(2.0)).by_subjects(*ones) == pytest.approx(told)


def test_mmd_of_one_distribution_is_zero_though_slices_of_a_subject_are_alike() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(40):
        blocks = Blocks.of(sample(rng, 15, 0), sample(rng, 15, 0), gaussian_kernel(3.0))
        found.append((blocks.by_subjects(np.ones(15), np.ones(15)), blocks.by_images(np.ones(15), np.ones(15))))
    by_subjects, by_images = np.mean(found, axis=0)
    error = np.std(found, axis=0)[0] / np.sqrt(40)
    assert abs(by_subjects) < 3 * error
    assert by_images > 5 * error  # what counting a person's slices as independent adds


@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_interval_of_mmd_covers_the_truth(mean: float) -> None:
    rng = np.random.default_rng(3)
    kernel = gaussian_kernel(3.0)
    far = Blocks.of(sample(rng, 1200, 0, 1), sample(rng, 1200, mean, 1), kernel)
    truth = far.by_subjects(np.ones(1200), np.ones(1200)) if mean else 0.0
    covered = []
    for k in range(50):
        blocks = Blocks.of(sample(rng, 40, 0, 1), sample(rng, 40, mean, 1), kernel)
        drawn = [
            blocks.by_subjects(v, w)
            for v, w in zip(
                seeded_counts(40, 80, k).astype(float), seeded_counts(40, 80, k + 99).astype(float), strict=True
            )
        ]
        low, high = percentile(drawn, 0.95)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.86


def test_many_subjects_are_put_together_without_bias() -> None:
    rng = np.random.default_rng(4)
    a, b = sample(rng, 300, 0), sample(rng, 300, 0.5)
    own = Blocks.of(a, b, cubic).by_images(np.ones(300), np.ones(300))
    few = Blocks.of(a.clustered(20), b.clustered(20), cubic)
    assert few.aa.shape == (20, 20)
    assert few.by_images(np.ones(20), np.ones(20)) == pytest.approx(own)
