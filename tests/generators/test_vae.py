"""The evidence bound, against torch's own distributions."""

import torch
from torch.distributions import Normal, kl_divergence

from synthcmr.generators.conditional.condition_batch import channels_around
from synthcmr.generators.family_settings import SPADE_PATCH, VaeSettings
from synthcmr.generators.spade import SpadeDecoder, divergence
from tests.generators.making import SPADE


def test_divergence_of_normal_distributions_is_that_of_torch() -> None:
    m, v, n, w = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    q, p = (Normal(mean, (log / 2).exp()) for mean, log in ((m, v), (n, w)))
    assert torch.allclose(divergence((m, v), (n, w)), kl_divergence(q, p).sum(dim=1), atol=1e-4)
    assert torch.allclose(divergence((m, v), (m, v)), torch.zeros(3))


def test_a_decoder_draws_a_place_from_what_is_around_it() -> None:
    torch.manual_seed(0)
    settings = VaeSettings(**SPADE)
    decoder = SpadeDecoder(settings).eval()
    z, grain, style = torch.randn(1, 2, 32, 32), torch.randn(1, 2, 512, 512), torch.randn(1, settings.token_width)
    mask = torch.zeros(1, channels_around(settings.frames, SPADE_PATCH), 256, 256)
    other = mask.clone()
    other[:, :, :16, :16] = 1.0
    for one, two in zip(decoder(z, grain, mask, style), decoder(z, grain, other, style), strict=True):
        assert not torch.allclose(one[..., :32, :32], two[..., :32, :32], atol=1e-3)
        assert torch.allclose(one[..., 256:, 256:], two[..., 256:, 256:], atol=1e-5)  # no statistics of the whole image
