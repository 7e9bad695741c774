"""Damage does what it is called, as much as it says."""

import numpy as np
import pytest
import torch

from synthcmr.judges import encoder
from synthcmr.judges.encoder import KINDS, damaged

N = 64


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    rng = torch.Generator().manual_seed(3)
    smooth = torch.nn.functional.interpolate(
        torch.rand(N, 2, 12, 12, generator=rng), (48, 48), mode="bicubic", align_corners=False
    )
    return (smooth + 0.05 * torch.randn(N, 2, 48, 48, generator=rng)).clamp(0.05, 1)


def only(kind: str, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Damage of one kind alone: the others have no reach."""
    for name, constant in (("blur", "BLUR"), ("noise", "NOISE"), ("grid", "GRID"), ("contrast", "CONTRAST")):
        if name != kind:
            monkeypatch.setattr(encoder, constant, 0.0)
    if kind != "texture":
        monkeypatch.setattr(encoder, "LOW", 9.0)
    found, amount = damaged(image, torch.Generator().manual_seed(0))
    return found, amount[:, KINDS.index(kind)]


def high(image: torch.Tensor) -> torch.Tensor:
    """Power in the upper half of the frequencies, per image."""
    spectrum = torch.fft.fft2(image).abs().square()
    far = torch.hypot(torch.fft.fftfreq(48)[:, None], torch.fft.fftfreq(48)[None]) > 0.25
    return spectrum[..., far].sum(dim=-1).mean(dim=1)


@pytest.mark.parametrize("kind", KINDS)
def test_images_that_a_kind_does_not_befall_stay_as_they_are(
    kind: str, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, amount = only(kind, image, monkeypatch)
    spared = amount == 0
    assert 0.2 * N < spared.sum() < 0.8 * N
    torch.testing.assert_close(found[spared], image[spared], atol=2e-3, rtol=0)
    assert (found[~spared] - image[~spared]).abs().amax(dim=(1, 2, 3)).median() > 0.01


def test_blur_takes_detail_away_and_noise_adds_it(image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        found, amount = only("blur", image, patch)
    assert np.corrcoef(amount, (high(found) / high(image)).log())[0, 1] < -0.8
    with monkeypatch.context() as patch:
        found, amount = only("noise", image, patch)
    assert np.corrcoef(amount, (high(found) / high(image)).log())[0, 1] > 0.8


def test_texture_moves_detail_and_keeps_the_rest(image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    found, amount = only("texture", image, monkeypatch)
    spectra = [torch.fft.rfft2(x) for x in (image, found)]
    low = torch.hypot(torch.fft.fftfreq(48)[:, None], torch.fft.rfftfreq(48)[None]) < 0.1
    most = amount > 0.5
    near = [s[most][..., low] for s in spectra]
    assert (near[0] - near[1]).abs().mean() < 0.1 * near[0].abs().mean()
    assert np.corrcoef(amount, (found - image).square().mean(dim=(1, 2, 3)).sqrt())[0, 1] > 0.8


def test_the_same_seed_does_the_same(image: torch.Tensor) -> None:
    one, other = (damaged(image, torch.Generator().manual_seed(5)) for _ in range(2))
    torch.testing.assert_close(one, other)
