"""Settings of the flow family."""

from synthcmr.generators.conditional.settings import UnetSettings


class FlowSettings(UnetSettings):
    """The network, and what it puts out."""
