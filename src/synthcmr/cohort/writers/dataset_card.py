"""The README.md of a Hugging Face data set: a card that says what the images are and are not."""

from collections.abc import Mapping

from synthcmr import __version__
from synthcmr.cohort.cohort import Cohort

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
ORIGINS = {
    "real": "Images of patients, preprocessed. The terms of the source they were read from apply to them.",
    "phantom": "Images of digital phantoms, computed from equations: no patient was scanned.",
    "synthetic": "Synthetic images, drawn from a generator: no patient was scanned.",
}


def dataset_card(cohort: Cohort, counts: Mapping[str, int]) -> str:
    """The text of README.md.

    Args:
        cohort: what was written.
        counts: images per split.
    """
    origins = sorted(cohort.images["origin"].unique())
    total = sum(counts.values())
    lines = [
        "---",
        f"pretty_name: {cohort.path.name}",
        "task_categories: [image-segmentation, text-to-image]",
        f"tags: [medical, cardiac-mri, {', '.join(origins)}]",
        f"size_categories: [{_size(total)}]",
        "---",
        "",
        f"# {cohort.path.name}",
        "",
        f"Short-axis cardiac MRI, {total} images of {len(cohort.subjects)} subjects, written by synthcmr {__version__}.",
        "",
        *(f"- **{o}**: {ORIGINS[o]}" for o in origins if o in ORIGINS),
        "",
        "| split | images |",
        "| --- | --- |",
        *(f"| {name} | {n} |" for name, n in counts.items()),
        "",
        "Splits are by subject. Masks: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity, 255 not labelled.",
        "Grey values: `intensity_low` is stored as 0 and `intensity_high` as the largest value of the file.",
        "Not for diagnosis or treatment.",
        "",
        f"Made from the cohort with hash `{cohort.hash}`.",
    ]
    return "\n".join(lines) + "\n"


def _size(total: int) -> str:
    return next((name for limit, name in SIZES if total < limit), LARGEST)
