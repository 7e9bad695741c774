"""Whom `generate` is asked for: from a sentence, from a cohort's people, or from a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError
from synthcmr.verbs.generate_options import DEFAULT_COUNT, GenerateOptions

if TYPE_CHECKING:
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.sampling.requests import Request, RequestList


def requests_of(options: GenerateOptions, understood: Understood) -> RequestList:
    """The requests that options ask for.

    Raises:
        SettingsError: a plan was changed, or nobody is left to follow.
    """
    from synthcmr.sampling.requests import RequestList
    from synthcmr.verbs.planned_requests import planned
    from synthcmr.verbs.to_scanner import redrawn

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
    from synthcmr.verbs.to_scanner import followable

    people, denied = followable(cohort), understood.denied
    asked = understood.attributes.get("diagnosis", "")
    kept = [p for p in people if not denied or p[1].get("diagnosis", asked) not in ("", *denied)]
    if not kept:
        raise SettingsError(
            f"--follow {cohort}: expected people known to have none of {', '.join(denied)}, got none among {len(people)}; "
            "deny less in --prompt, or follow another cohort"
        )
    return kept
