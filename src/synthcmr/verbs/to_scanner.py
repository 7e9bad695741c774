"""`synthcmr generate --follow COHORT --to-scanner NAME=VALUE`: the people of a cohort, drawn again as another scanner shows them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthcmr.sampling.requests import Request
    from synthcmr.sampling.sources import Sources

STYLE = (
    "vendor",
    "scanner",
    "field_strength_t",
    "centre",
    "look",
)  # what --to-scanner may change: the scanner, never the patient
REDRAWING: "dict[str, Any]" = {"guidance": 2.0, "until": 1.0}  # of the way from one scanner to another


def redrawn(follow: Path | None, style: str, subjects: int | None, seed: int) -> "list[Request]":
    """One request per subject of a cohort, with what shall be different."""
    from synthcmr.errors import SettingsError
    from synthcmr.sampling.requests import WHOLE, like_cohort

    if follow is None:
        raise SettingsError(f"--to-scanner {style}: expected --follow COHORT, whose subjects are redrawn")
    changed = {name: value for name, value in changed_attributes(style).items() if name != "look"}
    people = followable(follow)
    return like_cohort(people, subjects or len(people), seed, changed, WHOLE, shuffled=False)


def changed_attributes(style: str) -> "dict[str, Any]":
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


def redrawing(style: str, sources: "Sources") -> "dict[str, Any]":
    """How images are redrawn: by guidance, or by a network that has learned the look that is asked for.

    Raises:
        SettingsError: a refining network has not seen what is asked for.
    """
    from synthcmr.errors import SettingsError
    from synthcmr.generators.protocol import refines
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


def followable(follow: Path) -> "list[tuple[str, dict[str, Any]]]":
    """The subjects of a cohort that have masks at ED and ES, with the attributes a generator can follow."""
    from synthcmr.cohort import Cohort
    from synthcmr.errors import CohortError
    from synthcmr.sampling.requests import FOLLOWED

    cohort = Cohort.open(follow)
    paired = cohort.images[cohort.images["phases"].map(lambda p: {"ED", "ES"} <= set(p))]
    names = list(dict.fromkeys(paired["subject_id"]))
    if not names:
        raise CohortError(
            f"--follow {follow}: expected subjects with ED and ES in one image, found none; ingest with --frames pair"
        )
    return [(n, {k: v for k, v in cohort.attributes(n).items() if k in FOLLOWED}) for n in names]
