"""What decides a judgement of privacy, and when privacy is good, acceptable or bad."""

from pydantic import Field

from synthcmr.config import LARGEST_SEED, MOST, Settings
from synthcmr.evaluation.verdict_rules import PartRules, Rule


class SearchSettings(Settings):
    """What may have been done to a copy; shifts up to three sixteenths of the image are always looked for."""

    scales: tuple[float, ...] = (0.8, 0.86, 0.93, 1.0, 1.075, 1.16, 1.25)
    degrees: tuple[float, ...] = Field((-8.0, 8.0), description="rotations; a few degrees more are found from each")
    candidates: int = Field(16, ge=1, le=MOST, description="images that are looked at closely for each one")


class CopySettings(Settings):
    """When an image counts as a near-copy."""

    search: SearchSettings = SearchSettings()
    false_alarms: float = Field(
        0.01, gt=0, lt=0.5, description="share of held-out real images that may be called copies"
    )
    planted: int = Field(
        100, ge=20, le=MOST, description="copies of each kind that are planted to see whether they are found"
    )
    found: float = Field(0.99, gt=0, le=1, description="share of them below which the search says that it is too weak")
    must_find: tuple[str, ...] = Field(
        ("exact", "mirrored", "shifted", "rescaled", "noised"),
        description="kinds without which it cannot say that there is no copy",
    )
    shown: int = Field(200, ge=1, le=MOST, description="most near-copies that are named one by one")


class MembershipSettings(Settings):
    """Whom the attacks on membership look at, and how often they ask a generator."""

    subjects: int = Field(300, ge=4, le=MOST, description="most subjects that are attacked on either side")
    images: int = Field(4, ge=1, le=MOST, description="of each of them; all have the same number where they can")
    slices: int = Field(
        12, ge=1, le=MOST, description="white box: of each subject at most; their calibrated errors are averaged"
    )
    times: tuple[float, ...] = Field(
        (0.1, 0.3, 0.5, 0.7, 0.9), description="white box: how far from noise to image the field is asked"
    )
    noises: int = Field(2, ge=1, le=MOST, description="white box: draws of noise at each time")
    band: tuple[float, float] = Field(
        (0.15, 0.85), description="white box: of the highest frequency, what counts as middle"
    )
    asked: int = Field(4, ge=1, le=MOST, description="grey box: images drawn under each condition")


class AttributeSettings(Settings):
    """Which attributes an attacker infers."""

    secrets: tuple[str, ...] = Field((), description="empty: every attribute that both cohorts tell")
    known: tuple[str, ...] = Field(
        ("sex", "age", "height_cm", "weight_kg", "bmi", "diagnosis", "vendor"),
        description="what the attacker knows beside",
    )


class PrivacyPartSettings(Settings):
    """Everything that decides a judgement of privacy."""

    copies: CopySettings = CopySettings()
    membership: MembershipSettings = MembershipSettings()
    attributes: AttributeSettings = AttributeSettings()
    members: str = Field("train", description="split of the real cohort that the generator learned from")
    held_out: tuple[str, ...] = Field(("validation", "test"), description="splits that it never saw")
    min_subjects: int = Field(8, ge=8, le=MOST, description="on either side, below which nothing is said")
    draws: int = Field(1000, ge=100, le=MOST, description="resamples of the bootstrap")
    seed: int = Field(0, ge=0, le=LARGEST_SEED)


PRIVACY_RULES: PartRules = {
    "copies": Rule(
        score="training subjects copied",
        says="No image of a training subject is repeated",
        good=0,
        acceptable=0,
    ),
    "near-copies": Rule(
        score="near-copies",
        says="Images are no more like those of training subjects than held-out ones are",
        good=0.02,
        acceptable=0.05,
        beside="floor",
    ),
    "partial copies": Rule(
        score="partial copies",
        says="Halves, hearts and chests are no more like those of training subjects than held-out ones are",
        good=0.02,
        acceptable=0.05,
        beside="floor",
    ),
    "exposed": Rule(
        score="members exposed for certain (images)",
        says="The images expose no member",
        good=0,
        acceptable=0,
    ),
    "identified": Rule(
        score="members identified (images)",
        says="The images identify hardly any member",
        good=0.05,
        acceptable=0.1,
    ),
    "exposed, asked": Rule(
        score="members exposed for certain (asking)",
        says="The generator, asked for images, exposes no member",
        good=0,
        acceptable=0,
        optional=True,
    ),
    "identified, asked": Rule(
        score="members identified (asking)",
        says="The generator, asked for images, identifies hardly any member",
        good=0.05,
        acceptable=0.1,
        optional=True,
    ),
    "exposed, weights": Rule(
        score="members exposed for certain (weights)",
        says="The generator's weights expose no member",
        good=0,
        acceptable=0,
        optional=True,
    ),
    "identified, weights": Rule(
        score="members identified (weights)",
        says="The generator's weights identify hardly any member",
        good=0.05,
        acceptable=0.1,
        optional=True,
    ),
    "membership": Rule(
        score="membership AUC (images)",
        says="The images do not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
    ),
    "membership, asked": Rule(
        score="membership AUC (asking)",
        says="The generator, asked for images, does not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
        optional=True,
    ),
    "membership, weights": Rule(
        score="membership AUC (weights)",
        says="The generator's weights do not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
        optional=True,
    ),
    "promise": Rule(
        score="audited ε / claimed ε",
        says="Training keeps its promise of differential privacy",
        good=1,
        acceptable=1,
        optional=True,
    ),
}
