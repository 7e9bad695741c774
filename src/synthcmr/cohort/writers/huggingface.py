"""A Hugging Face imagefolder: `load_dataset("imagefolder", data_dir=...)` gives images, masks, captions and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.writers.caption import caption
from synthcmr.cohort.writers.dataset_card import dataset_card
from synthcmr.cohort.writers.destination import FileNames, each_subject, export
from synthcmr.cohort.writers.png import write_slices
from synthcmr.cohort.writers.png_file import check_bits
from synthcmr.cohort.writers.protocol import Progress, WriteSummary
from synthcmr.cohort.writers.table_rows import INTENSITY_COLUMNS, SLICE_COLUMNS, column_kind, table_columns
from synthcmr.cohort.writers.volume import Subject

# Parquet and not JSON lines: the loader demands the same column types of every split, and a column that nobody in a
# small split has would have no type in JSON.
METADATA = "metadata.parquet"
FILE_COLUMNS = {"image": "file_name", "mask": "mask_file_name"}  # names that the imagefolder convention demands
NO_SPLIT = "train"


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
