"""The rules that turn scores into verdicts: one object, every number of it settable."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings


class Rule(Settings):
    """When one score is good, acceptable or bad."""

    score: str = Field(description="name of a score of the part, of everybody")
    says: str = Field(description="what it is evidence of, as a sentence begins with it")
    better: Literal["low", "high"] = "low"
    good: float = Field(description="good where the whole interval is on this side")
    acceptable: float = Field(description="acceptable where the whole interval is; bad where none of it is")
    beside: Literal["nothing", "floor", "ceiling"] = Field(
        "nothing", description="floor: less real against real; ceiling: as a share of what real images reach"
    )
    optional: bool = Field(False, description="left out, rather than unknown, where the score was not asked for")


PartRules = dict[str, Rule]
