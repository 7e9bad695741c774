"""Which subjects `generate` makes: from a sentence, like the subjects of a cohort, or from a plan."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError
from synthcmr.verbs.generate_options import DEFAULT_COUNT, GenerateOptions

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.generators.interface import Generator
    from synthcmr.sampling.requests import Request, RequestList
    from synthcmr.sampling.sources import Sources


def requests_of(options: GenerateOptions, understood: Understood) -> RequestList:
    """The requests that options ask for.

    Raises:
        SettingsError: a plan was changed, or no subject is left to follow.
    """
    from synthcmr.sampling.requests import RequestList

    if options.plan is not None:
        return planned(options.plan, options.shard)
    if options.to_scanner is not None:
        asked = redrawn(options.follow, options.to_scanner, options.subjects, options.seed)
        return RequestList(asked, "real", options.follow)
    return RequestList(_by_words(options, understood), options.masks, options.follow)


def _by_words(options: GenerateOptions, understood: Understood) -> list[Request]:
    from synthcmr.sampling.requests import WHOLE, from_prompt, like_cohort

    count = options.subjects or options.count or DEFAULT_COUNT
    level = WHOLE if options.subjects is not None else understood.slice_level or "mid"
    if options.follow is not None:
        people = _followed(options.follow, understood)
        requests = like_cohort(people, count, options.seed, understood.attributes, level)
    else:
        numbers = dict(understood.numbers)
        severity = numbers.pop("severity", None)
        requests = from_prompt(
            count, options.seed, understood.attributes, numbers, severity, level, options.prompt or ""
        )
    return [replace(request, denied=understood.denied) for request in requests]


def _followed(cohort: Path, understood: Understood) -> list[tuple[str, dict[str, Any]]]:
    """The people of a cohort without those who have, or may have, a denied diagnosis."""
    people, denied = followable(cohort), understood.denied
    asked = understood.attributes.get("diagnosis", "")
    kept = [p for p in people if not denied or p[1].get("diagnosis", asked) not in ("", *denied)]
    if not kept:
        raise SettingsError(
            f"--follow {cohort}: expected people known to have none of {', '.join(denied)}, got none among {len(people)}; "
            "deny less in --prompt, or follow another cohort"
        )
    return kept


def planned(folder: Path, shard: str | None) -> RequestList:
    """Read a plan, and check that it was not changed and follows no test subject.

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
    absent = "its cohort is not there, so it could not be checked that no test subject was followed"
    return RequestList(
        requests,
        plan.settings.masks,
        cohort.path if cohort is not None and masked else None,
        (Input(str(folder), "plan", plan.hash),),
        () if cohort is not None else (f"{folder}: {absent}",),
        plan.ledger.named(str(folder)),
    )


def unseen(folder: Path, generator: Generator) -> list[str]:
    """Planned attributes that a generator was not trained with, so that its images cannot show them."""
    from synthcmr.fairness.planning.plan_folder import Plan

    known = set(generator.vocabulary.names)
    return [
        f"the generator was not trained with '{name}': the table lists it, but the images do not show it"
        for name in Plan.read(folder).attributes
        if name not in known
    ]


def _cohort(plan: Plan, folder: Path, needed: bool) -> Cohort | None:
    """The cohort of a plan, where it was or beside the plan; None where it is gone and nothing of it is needed."""
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.errors import SettingsError

    places = (Path(plan.cohort.path), folder.resolve().parent / plan.cohort.name)
    there = [Cohort.open(place) for place in places if (place / COHORT_FILE).exists()]
    for cohort in there:
        if cohort.hash == plan.cohort.hash:
            return cohort
    if not needed:
        return None
    got = f"another one (hash {there[0].hash[:12]})" if there else "none there"
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


STYLE = (
    "vendor",
    "scanner",
    "field_strength_t",
    "centre",
    "look",
)  # what --to-scanner may change: the scanner, never the patient
REDRAWING: dict[str, Any] = {"guidance": 2.0, "until": 1.0}  # of the way from one scanner to another


def redrawn(follow: Path | None, style: str, subjects: int | None, seed: int) -> list[Request]:
    """One request per subject of a cohort, with what shall be different."""
    from synthcmr.errors import SettingsError
    from synthcmr.sampling.requests import WHOLE, like_cohort

    if follow is None:
        raise SettingsError(f"--to-scanner {style}: expected --follow COHORT, whose subjects are redrawn")
    changed = {name: value for name, value in changed_attributes(style).items() if name != "look"}
    people = followable(follow)
    return like_cohort(people, subjects or len(people), seed, changed, WHOLE, shuffled=False)


def changed_attributes(style: str) -> dict[str, Any]:
    """What --to-scanner changes, by name."""
    from synthcmr.errors import SettingsError

    pairs = [item.partition("=") for item in style.split(",")]
    if any(name.strip() not in STYLE or not value.strip() for name, _, value in pairs):
        raise SettingsError(f"--to-scanner: expected NAME=VALUE with a name of {', '.join(STYLE)}; got '{style}'")
    changed: dict[str, Any] = {name.strip(): value.strip() for name, _, value in pairs}
    if "field_strength_t" in changed:
        try:
            changed["field_strength_t"] = float(changed["field_strength_t"])
        except ValueError as error:
            raise SettingsError(f"--to-scanner field_strength_t: expected a number of tesla, got '{style}'") from error
    return changed


def redrawing(style: str, sources: Sources) -> dict[str, Any]:
    """How images are redrawn: by guidance, or by a network that has learned the look that is asked for.

    Raises:
        SettingsError: a refining network has not seen what is asked for.
    """
    from synthcmr.errors import SettingsError
    from synthcmr.generators.interface import refines
    from synthcmr.sampling.sources import load_image_generator

    generator = load_image_generator(sources)
    if not refines(generator):
        return REDRAWING
    seen = {word["name"]: ", ".join(word.get("values", ["numbers"])) for word in generator.vocabulary.to_json()}
    for name, value in changed_attributes(style).items():
        if not generator.vocabulary.knows(name, value):
            raise SettingsError(
                f"--to-scanner {name}={value}: the generator has not seen it; of {name} it knows {seen.get(name, 'nothing')}. "
                "Name a run with --run that learned from such images"
            )
    return {}


def followable(follow: Path) -> list[tuple[str, dict[str, Any]]]:
    """The subjects of a cohort that have masks at ED and ES, with the attributes a generator can follow."""
    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.vocabulary import FOLLOWED
    from synthcmr.errors import CohortError

    cohort = Cohort.open(follow)
    paired = cohort.images[cohort.images["phases"].map(lambda p: {"ED", "ES"} <= set(p))]
    names = list(dict.fromkeys(paired["subject_id"]))
    if not names:
        raise CohortError(
            f"--follow {follow}: expected subjects with ED and ES in one image, found none; ingest with --frames pair"
        )
    return [(n, {k: v for k, v in cohort.attributes(n).items() if k in FOLLOWED}) for n in names]
