"""What decides a closed loop."""

from pydantic import Field

from synthcmr.experiments.settings import DebiasSettings


class BalanceSettings(DebiasSettings):
    """The experiment's settings, and those of the loop around it."""

    repeats: int = Field(3, ge=1, description="seeds of the classifier in every round")
    round_images: int = Field(60, ge=1, description="images made in a round")
    budget: int | None = Field(None, ge=1, description="most images altogether; null: as many rounds as are allowed")
    rounds: int = Field(8, ge=1, description="most rounds")
    min_kind: int = Field(
        5, ge=1, description="validation subjects below which a kind of patient is never said to have gained"
    )
    patience: int = Field(2, ge=1, description="rounds in a row without gain after which the loop stops")

    @property
    def experiment(self) -> DebiasSettings:
        """The settings of the classifier alone."""
        return DebiasSettings.model_validate({name: getattr(self, name) for name in DebiasSettings.model_fields})
