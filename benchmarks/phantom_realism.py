"""How far phantoms are from real slices, in numbers: contrast, power spectrum, and distance in intensity and texture features.

    python benchmarks/phantom_realism.py --acdc ../shared/data/acdc/training --sunnybrook ../shared/data/sunnybrook

Blood-to-myocardium contrast and radial power spectrum of phantom slices are set against the range that ACDC slices span.
Feature distances are in units of ACDC's own spread; the yardstick is Sunnybrook, another real data set: a phantom is at
most twice as far from ACDC as Sunnybrook is. Only slices that show the left ventricle count. Sunnybrook has no pixel
spacing, so all images are compared on their own pixels, cropped around the heart to 100x100.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.config import IngestSettings, PreprocessSettings
from synthcmr.phantom.cohort import make_phantoms

SIZE = 100
RINGS = 24
MIN_LV_PIXELS = 80


def slices_of(cohort: Cohort, limit: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Single frames (image, mask) that show the LV, in a seeded order."""
    rng = np.random.default_rng(seed)
    found = []
    for i in rng.permutation(len(cohort)):
        image, mask = cohort.image(int(i)), cohort.mask(int(i))
        for k in range(image.shape[0]):
            if (mask[k] == 1).sum() >= MIN_LV_PIXELS:
                found.append((image[k], mask[k]))
        if len(found) >= limit:
            break
    return found[:limit]


def contrast(image: np.ndarray, mask: np.ndarray) -> float:
    """Median blood over median myocardium."""
    return float(np.median(image[mask == 1]) / max(np.median(image[mask == 2]), 1e-3))


def spectrum(image: np.ndarray) -> np.ndarray:
    """Log power per ring of spatial frequency, after a Hann window; total power set to 1."""
    n = image.shape[0]
    window = np.hanning(n)[:, None] * np.hanning(n)[None, :]
    power = np.abs(np.fft.fftshift(np.fft.fft2((image - image.mean()) * window))) ** 2
    frequency = np.fft.fftshift(np.fft.fftfreq(n))
    radius = np.hypot(frequency[:, None], frequency[None, :])
    ring = np.minimum((radius / 0.5 * RINGS).astype(int), RINGS)
    sums = np.bincount(ring.ravel(), power.ravel(), minlength=RINGS + 1)[:RINGS]
    counts = np.bincount(ring.ravel(), minlength=RINGS + 1)[:RINGS]
    return np.log10(sums / counts / power.sum() + 1e-12)


def features(image: np.ndarray) -> np.ndarray:
    """Intensity and texture of one slice: percentiles, gradients, local variance at three scales, autocorrelation, co-occurrence."""
    from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

    values = [*np.percentile(image, [5, 25, 50, 75, 90, 99]), image.mean(), image.std()]
    for sigma in (0.7, 1.5, 3.0):
        gradient = gaussian_gradient_magnitude(image, sigma)
        values += [gradient.mean(), np.percentile(gradient, 95)]
    for sigma in (1.0, 2.0, 4.0):
        band = gaussian_filter(image, sigma) - gaussian_filter(image, 2 * sigma)
        values += [np.log(band.std() + 1e-4), float(((band / (band.std() + 1e-6)) ** 4).mean()) ** 0.25]
    centred = image - image.mean()
    for shift in (1, 2, 4, 8):
        values.append(float((centred[:, shift:] * centred[:, :-shift]).mean() / (centred**2).mean()))
    values += cooccurrence(image)
    return np.array(values)


def cooccurrence(image: np.ndarray, levels: int = 16) -> list[float]:
    """Haralick's contrast, homogeneity, energy and entropy for neighbours to the right and below."""
    grey = np.clip((image * levels).astype(int), 0, levels - 1)
    table = np.zeros((levels, levels))
    np.add.at(table, (grey[:, :-1].ravel(), grey[:, 1:].ravel()), 1)
    np.add.at(table, (grey[:-1].ravel(), grey[1:].ravel()), 1)
    p = table / table.sum()
    i, j = np.indices(p.shape)
    return [
        float((p * (i - j) ** 2).sum()),
        float((p / (1 + np.abs(i - j))).sum()),
        float((p**2).sum()),
        float(-(p[p > 0] * np.log(p[p > 0])).sum()),
    ]


def distances(reference: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Mean standardised shift, and Frechet distance, both in units of the reference's spread."""
    from scipy.linalg import sqrtm

    scale = reference.std(axis=0) + 1e-9
    a, b = (reference - reference.mean(axis=0)) / scale, (other - reference.mean(axis=0)) / scale
    ca, cb = np.cov(a.T), np.cov(b.T)
    cross = sqrtm(ca @ cb)
    frechet = float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * np.real(cross)))
    return {"mean_shift": float(np.abs(b.mean(axis=0)).mean()), "frechet": frechet}


def real_cohort(source: Path, folder: Path, fmt: str) -> Cohort:
    """Real slices on the same grid as phantoms."""
    settings = IngestSettings(format=fmt, preprocess=PreprocessSettings(size=SIZE, frames="single"))
    return ingest(plan_ingest(source, settings), folder)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", type=Path, required=True)
    parser.add_argument("--sunnybrook", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/phantom_realism.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        acdc = slices_of(real_cohort(options.acdc, folder / "acdc", "acdc"), 400)
        sunnybrook = slices_of(real_cohort(options.sunnybrook, folder / "scd", "sunnybrook-png"), 400)
        settings = PreprocessSettings(size=SIZE)
        made = make_phantoms(folder / "phantom", "acdc-like", options.subjects, 2, options.seed, settings)
        phantom = slices_of(made, 400)
    result = compare(acdc, sunnybrook, phantom)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2))
    print(json.dumps(result, indent=2))


def compare(acdc: list, sunnybrook: list, phantom: list) -> dict[str, object]:
    """All figures."""
    real_contrast, made_contrast = (np.array([contrast(*s) for s in part]) for part in (acdc, phantom))
    low, high = np.percentile(real_contrast, [2.5, 97.5])
    real_spectra, made_spectra = (np.stack([spectrum(i) for i, _ in part]) for part in (acdc, phantom))
    floor, ceiling = np.percentile(real_spectra, [2.5, 97.5], axis=0)
    mean = made_spectra.mean(axis=0)
    f = {
        name: np.stack([features(i) for i, _ in part])
        for name, part in (("acdc", acdc), ("scd", sunnybrook), ("phantom", phantom))
    }
    yardstick, ours = distances(f["acdc"], f["scd"]), distances(f["acdc"], f["phantom"])
    return {
        "n_slices": {"acdc": len(acdc), "sunnybrook": len(sunnybrook), "phantom": len(phantom)},
        "contrast": {
            "acdc_median": float(np.median(real_contrast)),
            "acdc_95_range": [float(low), float(high)],
            "phantom_median": float(np.median(made_contrast)),
            "phantom_share_in_range": float(((made_contrast >= low) & (made_contrast <= high)).mean()),
        },
        "spectrum": {
            "rings_where_phantom_mean_is_in_acdc_95_range": f"{int(((mean >= floor) & (mean <= ceiling)).sum())} of {RINGS}",
            "log10_shift_per_ring": [round(float(v), 2) for v in mean - real_spectra.mean(axis=0)],
        },
        "distance_to_acdc": {"sunnybrook": yardstick, "phantom": ours},
        "phantom_over_sunnybrook": {k: ours[k] / yardstick[k] for k in ours},
        "largest_shifts": _largest(f["acdc"], f["phantom"]),
    }


def _largest(reference: np.ndarray, other: np.ndarray) -> dict[str, float]:
    shift = (other.mean(axis=0) - reference.mean(axis=0)) / (reference.std(axis=0) + 1e-9)
    order = np.argsort(-np.abs(shift))[:8]
    return {f"feature_{int(k):02d}": round(float(shift[k]), 2) for k in order}


if __name__ == "__main__":
    main()
