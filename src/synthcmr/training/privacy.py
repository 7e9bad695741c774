"""Differential privacy of a training run: what was promised, what it takes, and what has been spent.

One subject is one record, with all of its slices. Every step takes each subject with the same chance q (Poisson sampling), sums the
subjects' clipped gradients and adds Gaussian noise: a subsampled Gaussian mechanism, composed over the steps. Opacus holds the accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.errors import SettingsError

ACCOUNTANT = "rdp"
UNIT = "subject"  # neighbouring cohorts differ in one subject with all of its images
KEYS = {"epsilon", "delta", "clip", "subjects", "slices"}


class PrivacySettings(Settings):
    """What is promised."""

    epsilon: float = Field(8.0, gt=0, description="most that is spent by the end of the run")
    delta: float | None = Field(
        None, gt=0, lt=0.1, description="null: one over ten times the number of subjects, at most 1e-3"
    )
    clip: float = Field(1.0, gt=0, description="norm that one subject's gradient is clipped to")
    subjects: float = Field(16.0, gt=0, description="subjects per step on average; many of them make up for the noise")
    slices: int = Field(
        4, ge=1, description="images of each of them, drawn anew each time: they count once, as one subject"
    )


@dataclass(frozen=True)
class Promise:
    """The mechanism of a run: everything that its accountant needs."""

    epsilon: float
    delta: float
    sigma: float  # noise, in units of the clipping norm
    q: float  # chance of a subject to take part in a step
    clip: float
    releases: int  # noisy sums that are made over the whole run
    people: int

    def spent(self, releases: int) -> float:
        """Epsilon after some noisy sums, as Opacus' accountant says."""
        if releases == 0:
            return 0.0
        from opacus.accountants import RDPAccountant

        accountant = RDPAccountant()
        accountant.history = [(self.sigma, self.q, releases)]
        return float(accountant.get_epsilon(delta=self.delta))

    def statement(self, releases: int) -> dict[str, Any]:
        """What a run, and every image of it, says of its privacy."""
        return {
            "epsilon": round(self.spent(releases), 4),
            "delta": self.delta,
            "unit": UNIT,
            "accountant": ACCOUNTANT,
            "noise_multiplier": self.sigma,
            "sample_rate": self.q,
            "clip": self.clip,
            "releases": releases,
            "subjects": self.people,
        }


def promise(settings: PrivacySettings, people: int, releases: int) -> Promise:
    """The least noise that keeps the promise.

    Raises:
        SettingsError: no noise does, or Opacus is not installed.
    """
    try:
        from opacus.accountants.utils import get_noise_multiplier
    except ImportError as error:
        raise SettingsError("--dp: needs Opacus; pip install 'synthcmr[dp]'") from error
    delta = settings.delta or min(1e-3, 1 / (10 * people))
    q = min(1.0, settings.subjects / people)
    try:
        sigma = get_noise_multiplier(
            target_epsilon=settings.epsilon, target_delta=delta, sample_rate=q, steps=releases, accountant=ACCOUNTANT
        )
    except ValueError as error:
        raise SettingsError(
            f"--dp epsilon={settings.epsilon:g}: no amount of noise keeps this over {releases} releases at delta {delta:g}; "
            "ask for a larger epsilon or for fewer steps"
        ) from error
    return Promise(settings.epsilon, delta, float(sigma), q, settings.clip, releases, people)


def read_privacy(text: str) -> PrivacySettings:
    """`epsilon=8,delta=1e-5` as settings.

    Raises:
        SettingsError: it is something else.
    """
    from synthcmr.config import settings_from_dict

    pairs = [item.partition("=") for item in text.split(",")]
    if not all(equals and name.strip() in KEYS for name, equals, _ in pairs):
        raise SettingsError(
            f"--dp: expected epsilon=NUMBER and, if wished, {', '.join(sorted(KEYS - {'epsilon'}))}, separated by commas; "
            f"got '{text}'. For example: --dp epsilon=8,delta=1e-5"
        )
    return settings_from_dict({name.strip(): value.strip() for name, _, value in pairs}, PrivacySettings, "--dp")
