"""A small cohort of which it is known who leaked: every subject a texture of their own, seen in a few noisy slices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.evaluation.privacy.people import People, Piles, people
from synthcmr.evaluation.privacy.pile import Side, heap
from synthcmr.evaluation.privacy.settings import CopySettings, MembershipSettings, PrivacySettings

SETTINGS = PrivacySettings(copies=CopySettings(planted=20), draws=200)
QUICK = SETTINGS.model_copy(update={"membership": MembershipSettings(images=2, times=(0.3, 0.7), noises=1, asked=2)})
SIDE, SLICES = 64, 3
MEMBERS, OTHERS = 16, 24


def textures(out: Path) -> Cohort:
    """Subjects of both sides."""
    rng = np.random.default_rng(0)
    with CohortWriter(out, {"step": "textures"}, canvas=(SIDE, SIDE)) as writer:
        for k in range(MEMBERS + OTHERS):
            told = {
                "sex": ("female", "male")[int(rng.integers(2))],
                "age": float(rng.integers(20, 90)),
                "diagnosis": ("nor", "dcm", "hcm")[int(rng.integers(3))],
                "split": "train" if k < MEMBERS else "test",
            }
            records = tuple(_slice(f"s{k:02d}", i, rng) for i in range(SLICES))
            writer.add(SubjectRecord(f"s{k:02d}", f"s{k:02d}", told, records))
        writer.finish(None, [])
    return Cohort.open(out)


def _slice(name: str, index: int, rng: np.random.Generator) -> ImageRecord:
    fine, coarse = (gaussian_filter(rng.normal(size=(SIDE, SIDE)), sigma) for sigma in (2.0, 5.0))
    shape = fine / fine.std() + coarse / coarse.std()
    frames = np.stack([shape, 0.9 * shape + 0.3 * gaussian_filter(rng.normal(size=(SIDE, SIDE)), 3.0)])
    image = np.clip(0.5 + 0.12 * frames + rng.normal(0, 0.01, frames.shape), 0, 1).astype(np.float32)
    mask = np.zeros(image.shape, dtype=np.uint8)
    down, right = rng.integers(10, 40, size=2)
    mask[:, down : down + 12, right : right + 12] = 1
    return ImageRecord(image, mask, name, 0, index, SLICES, ("ED", "ES"), ("lv", "lv"), frame_indices=(0, 1))


def divided(cohort: Cohort) -> People:
    """The real images, by side."""
    return people(cohort, 2, SETTINGS)


def piled(who: People, images: np.ndarray, subject: np.ndarray, folder: Path) -> Piles:
    """Real images, and given ones as the synthetic ones, as they are compared."""
    names = np.array([f"{s}/{k}" for k, s in enumerate(subject)])
    calibrating = np.arange(len(who.held_out.rows)) < len(who.calibrating.rows)
    return Piles(
        who.members.pile(folder / "m", None),
        who.held_out.pile(folder / "h", None),
        calibrating,
        who.calibrating.pile(folder / "r", None),
        heap(folder / "s", [images], subject, names, None),
    )


def pixels_of(side: Side) -> np.ndarray:
    """All images of a side."""
    return np.concatenate(list(side.blocks()))


@dataclass
class Memory:
    """A generator that gives back what it learned, and is half as wrong about it as about others; all in closed form."""

    learned: dict[bytes, np.ndarray]  # mask -> image
    known: float = 0.5
    frames: int = 2
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng(list(seeds))
        noise = rng.random((len(conditions), *conditions[0].mask.shape)).astype(np.float32)
        return np.stack([self.learned.get(c.mask.tobytes(), n) for c, n in zip(conditions, noise, strict=True)])

    def errors(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> np.ndarray:
        noise = np.stack([np.random.default_rng(seed).normal(size=images.shape[1:]) for seed in seeds])
        size = [self.known if c.mask.tobytes() in self.learned else 1.0 for c in conditions]
        return (noise * np.array(size)[:, None, None, None]).astype(np.float32)
