"""A plan on disk: plan.parquet with one row per subject to make, plan.json with what decided them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from synthcmr.cohort.checksums import FILES as LISTED
from synthcmr.cohort.checksums import checksums_of, read_checked, read_record
from synthcmr.cohort.places import current_place, place_from
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, combined_hash, write_provenance, write_record
from synthcmr.cohort.tables import write_table
from synthcmr.config import recorded_settings
from synthcmr.errors import SettingsError, in_words
from synthcmr.fairness.planning.plan_table import PlannedCell, PlanRow, column_types, rows_hash
from synthcmr.fairness.planning.remarks import ResidualAssociation
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.formats import PLAN
from synthcmr.privacy.ledger import LEDGER, NOT_KNOWN, Ledger
from synthcmr.sampling.requests import PLANNED, Request

PLAN_FILE, ROWS_FILE, PAGE_FILE = "plan.json", "plan.parquet", "plan.html"
LONGEST_WHY = 200  # characters of what a library says, which may repeat what it found
FILES = (PLAN_FILE, ROWS_FILE, PAGE_FILE, PROVENANCE_FILE)


@dataclass(frozen=True)
class PlannedCohort:
    """The cohort that a plan completes."""

    name: str = ""
    path: str = ""
    hash: str = ""
    origin: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Which subjects to make."""

    cohort: PlannedCohort
    target: str
    settings: PlanSettings
    attributes: tuple[str, ...]  # crossed
    label: str | None
    counted: int  # real subjects
    counted_who: str
    cells: tuple[PlannedCell, ...]
    rows: tuple[PlanRow, ...]
    residual_associations: tuple[ResidualAssociation, ...] = ()
    notes: tuple[str, ...] = ()
    ledger: Ledger = NOT_KNOWN  # of whom it counts; of a table alone it is unknown

    @cached_property
    def hash(self) -> str:
        """Hash of every row, and of what decided them."""
        decided = {
            "cohort": self.cohort.hash,
            "target": self.target,
            "settings": self.settings.model_dump(mode="json"),
            "cells": [cell.to_json() for cell in self.cells],
        }
        return combined_hash([rows_hash(self.rows), json.dumps(decided, sort_keys=True)])

    def requests(self) -> list[Request]:
        """One request per row; each image says which plan and row it is of."""
        return [
            Request(
                name=row.name,
                seed=row.seed,
                attributes=row.attributes,
                level=row.level,
                prompt=row.prompt,
                like=row.like,
                columns={PLANNED: self.hash, "plan_row": row.row},
            )
            for row in self.rows
        ]

    def is_at(self, folder: Path) -> bool:
        """Whether a folder holds this very plan."""
        return (folder / PLAN_FILE).exists() and Plan.read(folder).hash == self.hash

    def write(self, folder: Path) -> None:
        """Write the plan, all but its page.

        Raises:
            SettingsError: the folder holds something else.
        """
        there = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if PLAN_FILE in there or there - set(FILES):  # without plan.json it is one that was interrupted
            raise SettingsError(
                f"{folder}: expected an empty or new folder for the plan, got one with files in it; choose another, or --overwrite a plan"
            )
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted({name for row in self.rows for name in row.attributes})
        write_table(folder / ROWS_FILE, [row.flat() for row in self.rows], column_types(names))
        decided = {"target": self.target, **self.settings.model_dump(mode="json")}
        write_provenance(folder, "plan", self.hash, [Input(self.cohort.path, "cohort", self.cohort.hash)], decided)
        record = self.to_json()
        record["cohort"]["path"] = place_from(folder, self.cohort.path)
        record |= {LISTED: checksums_of(folder, (ROWS_FILE, PROVENANCE_FILE))}
        write_record(folder / PLAN_FILE, record)  # last: it says that the others are whole

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows."""
        return {
            "schema": PLAN.schema,
            "hash": self.hash,
            "cohort": asdict(self.cohort) | {"origin": list(self.cohort.origin)},
            "target": self.target,
            "settings": self.settings.model_dump(mode="json"),
            "attributes": list(self.attributes),
            "label": self.label,
            "counted": self.counted,
            "counted_who": self.counted_who,
            "rows": len(self.rows),
            "cells": [cell.to_json() for cell in self.cells],
            "tangles": [asdict(t) for t in self.residual_associations],  # the key of plans written before
            "notes": list(self.notes),
            LEDGER: self.ledger.to_json(),
        }

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Read a plan.

        Raises:
            SettingsError: there is no plan, or it was changed since it was made.
            CohortError: a newer version wrote it, or a file is not as it was written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not (folder / PLAN_FILE).is_file():
            raise _no_plan(folder, f"there is no {PLAN_FILE}")
        record = read_record(folder / PLAN_FILE, PLAN)
        content = read_checked(folder, ROWS_FILE, record)
        try:
            flats = pq.read_table(pa.BufferReader(content)).to_pylist()
            flats = PLAN.updated(flats, ROWS_FILE, PLAN.version_of(record, folder / PLAN_FILE))
            plan = cls._of(record, tuple(PlanRow.of(flat) for flat in flats), folder)
            own_hash = plan.hash
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
            raise _no_plan(folder, in_words(error)) from error
        if not isinstance(record.get("hash"), str):
            raise _no_plan(folder, f"{PLAN_FILE} says no hash")
        if own_hash != record["hash"]:
            raise SettingsError(
                f"--plan {folder}: rows, cells or settings were changed after planning (hash {own_hash[:12]}, expected "
                f"{record['hash'][:12]}); plan again with 'synthcmr plan' and the limits you want"
            )
        return plan

    @classmethod
    def _of(cls, record: Mapping[str, Any], rows: tuple[PlanRow, ...], folder: Path) -> Plan:
        cohort = record["cohort"]
        place = current_place(cohort["path"], folder)
        return cls(
            cohort=PlannedCohort(cohort["name"], str(place.resolve()), cohort["hash"], tuple(cohort["origin"])),
            target=record["target"],
            settings=recorded_settings(record["settings"], PlanSettings, PLAN_FILE),
            attributes=tuple(record["attributes"]),
            label=record["label"],
            counted=record["counted"],
            counted_who=record["counted_who"],
            cells=tuple(PlannedCell(**{k: v for k, v in cell.items() if k != "short"}) for cell in record["cells"]),
            rows=rows,
            residual_associations=tuple(ResidualAssociation(**t) for t in record["tangles"]),
            notes=tuple(record["notes"]),
            ledger=Ledger.in_record(record),
        )


def _no_plan(folder: Path, why: str) -> SettingsError:
    return SettingsError(
        f"--plan {folder}: expected a plan's folder with {PLAN_FILE} and {ROWS_FILE}; make one with 'synthcmr plan' ({why[:LONGEST_WHY]})"
    )
