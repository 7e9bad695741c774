"""The rules that turn scores into verdicts: one object, every number of it settable."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from synthcmr.config import Settings

RENAMED_SCORES = {
    "secrets told beyond what held-out subjects tell": "attribute-inference advantage",
    "epsilon proven, of the claim": "audited ε / claimed ε",
}  # former name -> name now; what was stored before still reads


def current_name(score: str) -> str:
    """The name of a score now; what follows a colon says whom it is of, and stays."""
    name, colon, rest = score.partition(":")
    return RENAMED_SCORES.get(name, name) + colon + rest


ScoreName = Annotated[str, AfterValidator(current_name)]


class Rule(Settings):
    """When one score is good, acceptable or bad."""

    score: ScoreName = Field(description="name of a score of the part, of everybody")
    says: str = Field(description="what it is evidence of, as a sentence begins with it")
    better: Literal["low", "high"] = "low"
    good: float = Field(description="good where the whole interval is on this side")
    acceptable: float = Field(description="acceptable where the whole interval is; bad where none of it is")
    beside: Literal["nothing", "floor", "ceiling"] = Field(
        "nothing", description="floor: less real against real; ceiling: as a share of what real images reach"
    )
    optional: bool = Field(False, description="left out, rather than unknown, where the score was not asked for")


PartRules = dict[str, Rule]
