"""Where the demo keeps everything, and what each step is given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from synthcmr.demo.settings import DemoSettings

Report = Callable[[int, int, str], None]
Bar = Callable[[str], AbstractContextManager[Report]]


@dataclass(frozen=True)
class Demo:
    """One demo: its folder, its size, and how progress is shown."""

    out: Path
    settings: DemoSettings
    workers: int
    bar: Bar

    @property
    def networks(self) -> int:
        """Processes that train networks at the same time."""
        from synthcmr.training.device import networks_at_once

        return min(self.workers, networks_at_once())

    @property
    def cohort(self) -> Path:
        """The phantoms, who play the real cohort."""
        return self.out / "cohort"

    @property
    def plan(self) -> Path:
        """What is to be made."""
        return self.out / "plan"

    @property
    def generated(self) -> Path:
        """Images as the generator leaves them."""
        return self.out / "synthetic"

    @property
    def recalibration(self) -> Path:
        """What the real training split taught of fine grain."""
        return self.out / "recalibration"

    @property
    def recalibrated(self) -> Path:
        """The same images with that grain."""
        return self.out / "recalibrated"

    @property
    def balanced(self) -> Path:
        """Real and recalibrated subjects together."""
        return self.out / "balanced"
