"""Settings of the part motion, and its rules."""

from pydantic import Field

from synthcmr.config import MOST, Settings
from synthcmr.evaluation.verdict_rules import PartRules, Rule

FLICKER, CLOSURE = "flicker, worst share of real", "cycle closure, share of real"
BRIGHTNESS = "brightness flicker, worst share of real"
PLAUSIBLE, ROUGHNESS = "plausible volume curves", "volume curve roughness, share of real"


class MotionSettings(Settings):
    """Of the part motion."""

    floor_splits: int = Field(5, ge=1, le=MOST, description="times that the real subjects are split in halves")
    min_pixels: int = Field(
        40, ge=1, le=MOST, description="of the LV cavity, in the mean phase, below which a slice shows no heart"
    )


MOTION_RULES: PartRules = {
    "volume curves": Rule(
        score=PLAUSIBLE,
        says="Hearts contract once a cycle, when real ones do",
        better="high",
        good=0.9,
        acceptable=0.75,
        beside="ceiling",
    ),
    "smooth volumes": Rule(
        score=ROUGHNESS, says="Volumes change as smoothly as real ones", good=0.25, acceptable=1.0, beside="floor"
    ),
    "flicker": Rule(score=FLICKER, says="Cines are as steady as real ones", good=0.25, acceptable=0.5, beside="floor"),
    "brightness": Rule(
        score=BRIGHTNESS,
        says="Regions keep their brightness from phase to phase as real ones do",
        good=0.25,
        acceptable=0.5,
        beside="floor",
    ),
    "cycle closure": Rule(
        score=CLOSURE,
        says="The last phase leads to the first as in real cines",
        good=0.25,
        acceptable=1.0,
        beside="floor",
    ),
}
