"""`synthcmr generate --plan`: the requests of a plan, once it is known that it may be made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.generators.protocol import Generator
    from synthcmr.sampling.requests import Request, RequestList


def planned(folder: Path, shard: str | None) -> RequestList:
    """Read a plan, and make sure that it is as it was made and leaks nothing.

    Args:
        folder: of the plan.
        shard: "K/N" for every N-th row beginning with the K-th; None for all.

    Raises:
        SettingsError: it was changed, or follows subjects that must not be followed.
    """
    from synthcmr.cohort.provenance import Input
    from synthcmr.errors import SettingsError
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.fairness.planning.plan_table import check_plan
    from synthcmr.sampling.requests import RequestList

    plan = Plan.read(folder)
    masked = plan.settings.masks != "generated"
    cohort = _cohort(plan, folder, needed=masked)
    if cohort is not None:
        check_plan(plan.rows, cohort)
    requests = _every(plan.requests(), shard)
    if not requests:
        raise SettingsError(
            f"--plan {folder}: expected rows to make, got {len(plan.rows)} in the plan and none to make"
        )
    absent = (
        "its cohort is not at hand, so that nobody after whom it was drawn could be checked for being a test subject"
    )
    return RequestList(
        requests,
        plan.settings.masks,
        cohort.path if cohort is not None and masked else None,
        (Input(str(folder), "plan", plan.hash),),
        () if cohort is not None else (f"{folder}: {absent}",),
    )


def unseen(folder: Path, generator: Generator) -> list[str]:
    """Which planned attributes a generator was never told, so that its images cannot show them."""
    from synthcmr.fairness.planning.plan_folder import Plan

    known = set(generator.vocabulary.names)
    return [
        f"the generator was never told of '{name}': images carry it in the table, but do not show it"
        for name in Plan.read(folder).attributes
        if name not in known
    ]


def _cohort(plan: Plan, folder: Path, needed: bool) -> Cohort | None:
    """The cohort of a plan, where it was or beside the plan; None where it is gone and nothing of it is needed."""
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.errors import SettingsError

    places = (Path(plan.cohort.path), folder.resolve().parent / plan.cohort.name)
    place = next((p for p in places if (p / COHORT_FILE).exists()), None)
    cohort = None if place is None else Cohort.open(place)
    if cohort is not None and cohort.hash == plan.cohort.hash:
        return cohort
    if not needed:
        return None
    got = "none there" if cohort is None else f"another one (hash {cohort.hash[:12]})"
    raise SettingsError(
        f"--plan {folder}: expected the cohort whose masks it follows at {' or '.join(map(str, places))} (hash "
        f"{plan.cohort.hash[:12]}), got {got}; move it back, or plan again"
    )


def _every(requests: list[Request], shard: str | None) -> list[Request]:
    """Every N-th request, so that each shard has its share of every cell."""
    from synthcmr.errors import SettingsError

    if shard is None:
        return requests
    match = re.fullmatch(r"(\d+)/(\d+)", shard.strip())
    k, n = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    if not 1 <= k <= n:
        raise SettingsError(f"--shard: expected K/N with K from 1 to N, such as 1/4, got '{shard}'")
    return requests[k - 1 :: n]
