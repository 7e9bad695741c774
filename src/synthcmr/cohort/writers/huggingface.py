"""A Hugging Face imagefolder: `load_dataset("imagefolder", data_dir=...)` gives images, masks, captions and attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr import __version__
from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.writers.export import (
    INTENSITY_COLUMNS,
    SLICE_COLUMNS,
    FileNames,
    Progress,
    WriteSummary,
    column_kind,
    each_subject,
    export,
    table_columns,
)
from synthcmr.cohort.writers.png import check_bits, write_slices
from synthcmr.cohort.writers.subjects import Subject

# Parquet and not JSON lines: the loader demands the same column types of every split, and a column that nobody in a
# small split has would have no type in JSON.
METADATA = "metadata.parquet"
FILE_COLUMNS = {"image": "file_name", "mask": "mask_file_name"}  # names that the imagefolder convention demands
NO_SPLIT = "train"
NOUNS = {"female": "woman", "male": "man"}
PHASES = {"ED": "end-diastole", "ES": "end-systole"}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
ORIGINS = {
    "real": "Images of patients, preprocessed. The terms of the source they were read from apply to them.",
    "phantom": "Images of digital phantoms, computed from equations: no patient was scanned.",
    "synthetic": "Synthetic images, drawn from a generator: no patient was scanned.",
}


@dataclass(frozen=True)
class HuggingFaceWriter:
    """`train/`, `validation/` and `test/` with PNG slices, masks and metadata.parquet, and a data set card."""

    bits: int = 8  # what image models take; 16 keeps the cohort's precision

    name = "huggingface"
    about = "Hugging Face imagefolder (train/validation/test, metadata.parquet with captions, data set card)"

    def __post_init__(self) -> None:
        """Check what PNG can hold."""
        check_bits(self.bits)

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write the splits and the card."""
        with export(cohort, dest, {"writer": self.name, "bits": self.bits}, overwrite) as summary:
            with _splits(cohort, dest) as splits:
                for subject in each_subject(cohort, summary, progress):
                    splits.add(subject, self.bits, summary)
            summary.files += len(splits.tables) + 1
            (dest / "README.md").write_text(dataset_card(cohort, splits.counts), encoding="utf-8")
        return summary


@dataclass
class _Splits:
    """The folders of an export, each with its open table, so that rows need not wait in memory."""

    root: Path
    kinds: dict[str, str]  # column -> "string", "int64", "float64" or "bool"
    stack: ExitStack
    tables: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    names: FileNames = field(default_factory=FileNames)

    def add(self, subject: Subject, bits: int, summary: WriteSummary) -> None:
        """Write the slices of a subject."""
        split = subject.split or NO_SPLIT
        folder, name = self.root / split, self.names.give(subject.subject_id)
        rows = []
        for file, labelled, row in write_slices(
            subject, folder / "images" / name, folder / "masks" / name, bits, summary
        ):
            files = {
                "file_name": f"images/{name}/{file}",
                "mask_file_name": f"masks/{name}/{file}" if labelled else None,
            }
            rows.append({**row, **files, "text": caption(subject.attributes, row["phase"], row["slice_level"])})
        self._append(split, rows)
        self.counts[split] = self.counts.get(split, 0) + len(rows)
        summary.subjects += 1

    def _append(self, split: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in self.kinds.items()])
        if split not in self.tables:
            self.tables[split] = self.stack.enter_context(pq.ParquetWriter(self.root / split / METADATA, schema))
        self.tables[split].write_table(pa.Table.from_pylist(rows, schema=schema))


@contextmanager
def _splits(cohort: Cohort, root: Path) -> Iterator[_Splits]:
    columns = table_columns(cohort, SLICE_COLUMNS, INTENSITY_COLUMNS)
    kinds = {FILE_COLUMNS.get(c, c): column_kind(cohort, c) for c in columns} | {"text": "string"}
    with ExitStack() as stack:
        yield _Splits(root, kinds, stack)


def caption(attributes: Mapping[str, Any], phase: str | None = None, level: str | None = None) -> str:
    """One line, e.g. "short-axis cardiac MRI, end-diastole, mid slice, woman, 61 years, BMI 25.9, HCM, Siemens, 1.5 T".

    What is missing is not mentioned.
    """
    parts = ["short-axis cardiac MRI"]
    parts += [PHASES[phase]] if phase in PHASES else []
    parts += [f"{level} slice"] if level else []
    parts += [NOUNS[attributes["sex"]]] if attributes.get("sex") in NOUNS else []
    parts += [f"{attributes['age']:.0f} years"] if "age" in attributes else []
    parts += [f"BMI {attributes['bmi']:.1f}"] if "bmi" in attributes else []
    parts += [str(attributes[name]) for name in ("diagnosis", "vendor") if name in attributes]
    parts += [f"{attributes['field_strength_t']:g} T"] if "field_strength_t" in attributes else []
    return ", ".join(parts)


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
