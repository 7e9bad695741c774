"""The evidence bound, against torch's own distributions."""

import torch
from torch.distributions import Normal, kl_divergence

from synthcmr.generators.spade.encoder import divergence


def test_divergence_of_normal_distributions_is_that_of_torch() -> None:
    m, v, n, w = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    q, p = (Normal(mean, (log / 2).exp()) for mean, log in ((m, v), (n, w)))
    assert torch.allclose(divergence((m, v), (n, w)), kl_divergence(q, p).sum(dim=1), atol=1e-4)
    assert torch.allclose(divergence((m, v), (m, v)), torch.zeros(3))
