"""A refining network that needs one evaluation: shapes of what it begins from, detail and light of real images.

Where a network is asked for the mean of what an image may be, detail is averaged away, and many small evaluations must bring it back. A
discriminator asks for an image that could be real instead (Sauer et al. 2023). What the start draws of a phantom says which shapes
there must be. It is compared by local correlation, so that the brightness of blood, fat and lung is the discriminator's matter too.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from synthcmr.conditioning.condition import one_hot
from synthcmr.conditioning.text_encoders import Shared
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import ConditionBatch, around
from synthcmr.generators.family_settings import RefineOnceSettings
from synthcmr.generators.refine.discriminator import PatchDiscriminator, blurred, ring_gap, unlike
from synthcmr.generators.refine.network import RefineNetwork, each_frame, painted, shared_noise, surroundings_by_frame
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.device import channels_last

JUDGE, MAKE = "discriminator", "generator"
MOMENTUM = (0.0, 0.99)
PENALTY_EVERY = 8  # batches, on average
WIDE = 8.0  # pixels, standard deviation of the Gaussian that leaves brightness
NO_START = "refine-once: expected a start; name a run of refine, or 'phantom', with --init-from"
CONTRAST = 0.1  # spread of the logarithm of the gamma by which nobody is to be known


@dataclass(frozen=True)
class Drawn:
    """What the network draws of a batch, known by its noise, and what it saw around."""

    noise: Tensor
    surroundings: Tensor
    image: Tensor


class RefineOnceNetwork(RefineNetwork):
    """The image that a noised phantom leads to, at once."""

    optimizer_phases = (JUDGE, MAKE)
    family = "refine-once"
    # The discriminator learns faster than who has to please it (Heusel et al. 2017).
    optimiser: ClassVar[dict[str, dict[str, Any]]] = {
        JUDGE: {"betas": MOMENTUM, "rate": 2.0},
        MAKE: {"betas": MOMENTUM},
    }
    settings: RefineOnceSettings

    def __init__(self, settings: RefineOnceSettings, vocabulary: Vocabulary) -> None:
        """Build network and discriminator; `keep_shapes_of` is called when it has its first weights."""
        super().__init__(settings, vocabulary)
        self.judge = PatchDiscriminator(settings.judge_channels)
        self.start_look = ""  # which the start gives to what it draws
        self._start: Shared[RefineNetwork] | None = None
        self._drawn: Drawn | None = None
        channels_last(self)

    def keep_shapes_of(self, look: str) -> None:
        """Keep the shapes that the network draws as it is now.

        Args:
            look: that it gives.
        """
        self._start, self.start_look = Shared(copy.deepcopy(self).eval().requires_grad_(False)), look

    def parameters_of(self, turn: str) -> list[nn.Parameter]:
        """Those of the one whose turn it is."""
        judges = {id(p) for p in self.judge.parameters()}
        return [p for p in self.parameters() if p.requires_grad and (id(p) in judges) == (turn == JUDGE)]

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The hinge loss of the turn; that of the network with what it must keep of its start."""
        drawn = self._at_once(batch)
        with torch.autocast(drawn.image.device.type, enabled=False):  # detail is small
            return self._judged(batch, drawn.image) if turn == JUDGE else self._made(batch, drawn)

    def _judged(self, batch: dict[str, Tensor], drawn: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        penalised = torch.is_grad_enabled() and bool(chance(batch, 0) < 1 / PENALTY_EVERY)
        shown = changed(batch["real"], batch).requires_grad_(penalised)
        real, made = self.judge(shown), self.judge(changed(drawn.detach().clamp(-1, 1), batch))
        loss = torch.stack([relu(1 - r).mean() + relu(1 + f).mean() for r, f in zip(real, made, strict=True)]).sum()
        if penalised:
            verdict = torch.stack([r.mean(dim=(1, 2, 3)).sum() for r in real]).sum()
            (gradient,) = torch.autograd.grad(verdict, shown, create_graph=True)
            slope = gradient.square().sum(dim=(1, 2, 3)).mean()
            loss = loss + PENALTY_EVERY / 2 * self.settings.penalty * slope
        return loss, {}

    def _made(self, batch: dict[str, Tensor], drawn: Drawn) -> tuple[Tensor, dict[str, Tensor]]:
        self._drawn = None
        wanted = self._wanted(batch, drawn.surroundings)
        self.judge.requires_grad_(False)  # it is not its turn
        verdict = torch.stack([one.mean() for one in self.judge(changed(drawn.image, batch))]).sum()
        self.judge.requires_grad_(True)
        shapes = unlike(drawn.image, wanted)
        light = (blurred(drawn.image, WIDE) - blurred(wanted, WIDE)).square().mean()
        rings = ring_gap(drawn.image.clamp(-1, 1), batch["real"])
        s = self.settings
        loss = s.structure * shapes + s.brightness * light + s.rings * rings - s.praise * verdict
        return loss, {"shapes": shapes, "light": light, "rings": rings, "verdict": verdict}

    def _at_once(self, batch: dict[str, Tensor]) -> Drawn:
        """What the network draws of a batch; once for both turns, as its weights do not change between them."""
        if self._drawn is not None and torch.equal(self._drawn.noise, batch["noise"]):
            return self._drawn
        surroundings = self._surroundings(batch)
        image = self.image(self._begun(batch), self._times(batch), surroundings, self.text(batch["text"])).float()
        drawn = Drawn(batch["noise"], surroundings, image)
        self._drawn = drawn if torch.is_grad_enabled() else None
        return drawn

    @torch.no_grad()
    def _surroundings(self, batch: dict[str, Tensor]) -> Tensor:
        """Mask and adjacent slice; the latter as the network itself draws it, which is how slices follow each other."""
        mask, beside, shown = one_hot(batch["mask"]), one_hot(batch["neighbour_mask"]), batch["shown"]
        neighbour = torch.zeros_like(batch["start"])
        if (rows := shown > 0).any():
            of_rows = {name: batch[name][rows] for name in ("noise", "text")} | {"start": batch["neighbour"][rows]}
            none = torch.zeros_like(beside[rows])
            alone = around(beside[rows], torch.zeros_like(of_rows["start"]), none, torch.zeros_like(shown[rows]))
            image = self.image(self._begun(of_rows), self._times(of_rows), alone, self.text(of_rows["text"]))
            neighbour[rows] = image.clamp(-1, 1).to(neighbour.dtype)
        return around(mask, neighbour, beside, shown)

    @torch.no_grad()
    def _wanted(self, batch: dict[str, Tensor], surroundings: Tensor) -> Tensor:
        if self._start is None:
            raise SettingsError(NO_START)
        start = self._start.held.to(surroundings.device)
        return start.image(
            self._begun(batch), self._times(batch), surroundings, start.text(batch["start_text"])
        ).float()

    def _begun(self, batch: dict[str, Tensor]) -> Tensor:
        begin = self.settings.begin
        return (1 - begin) * batch["noise"] + begin * batch["start"]

    def _times(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.full((len(batch["start"]),), self.settings.begin, device=batch["start"].device)

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Begin at the noised phantom and be there; steps and guidance have no part in it."""
        frames, begin = noise.shape[1], self.settings.begin
        start = painted(conditions.mask) if conditions.start is None else conditions.start
        x = (1 - begin) * shared_noise(noise, self.settings.shared) + begin * start
        x = x.reshape(-1, 1, *x.shape[2:])
        tokens = each_frame(self.tokens(conditions.texts), frames)
        times = torch.full((len(x),), begin, device=x.device)
        return self.image(x, times, surroundings_by_frame(conditions), tokens).reshape(noise.shape)

    def check_sampler(self, settings: SamplerSettings) -> None:
        """Refuse another beginning than the one that was learned.

        Raises:
            SettingsError: it is another.
        """
        if settings.begin not in (None, self.settings.begin):
            raise SettingsError(
                f"--begin: family 'refine-once' has learned to begin at {self.settings.begin}; got {settings.begin}; leave it out, or "
                "use a run of family 'refine'"
            )
        super().check_sampler(settings)


def changed(image: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Turned, mirrored, with another contrast: what neither side may be known by. All of it follows from the batch's noise."""
    gamma = torch.exp(CONTRAST * batch["noise"][:, :, :1, 1:2].float())
    bright = ((image + 1) / 2).clamp(1e-4, 1) ** gamma * 2 - 1
    turned = torch.rot90(bright, int(chance(batch, 2) * 4), (2, 3))
    return turned.flip(3) if chance(batch, 3) < 0.5 else turned


def chance(batch: dict[str, Tensor], which: int) -> Tensor:
    """A number between 0 and 1 that follows from the noise of a batch."""
    number: Tensor = torch.special.ndtr(batch["noise"].flatten()[which].float())
    return number
