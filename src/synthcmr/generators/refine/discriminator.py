"""Who says what detail and light of real images look like, and the local likeness that leaves light free."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu, pad

from synthcmr.generators.conditional.spectrum import power_of_each

SLOPE = 0.2
NEAR = 5  # pixels of the mean that detail is measured against
LOUDER = (3.0, 4.0)  # detail beside the image, and alone: it is small against shapes
COARSE = 1.2  # pixels, standard deviation of the Gaussian that leaves structure
PLACES = (4.0, 9.0)  # the same, of the places in which structure is compared
FAINTEST = 1e-8  # power, of images between -1 and 1
FLAT = 0.02  # standard deviation of brightness, 0 to 1, below which a place shows no structure


class PatchDiscriminator(nn.Module):
    """Verdicts on patches of some 40 pixels, of the image beside its detail, and on small ones of the detail alone."""

    def __init__(self, width: int) -> None:
        """Build both.

        Args:
            width: channels of the first layer.
        """
        super().__init__()
        steps = ((2, width, 4, 2), (width, 2 * width, 4, 2), (2 * width, 3 * width, 4, 2), (3 * width, 3 * width, 3, 1))
        self.wide = nn.ModuleList(nn.Conv2d(a, b, size, stride, 1) for a, b, size, stride in steps)
        fine = ((1, width // 2, 1), (width // 2, width, 2), (width, width, 1))
        self.fine = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1) for a, b, stride in fine)
        self.of_wide, self.of_fine = nn.Conv2d(3 * width, 1, 3, 1, 1), nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Verdicts on images (batch, 1, rows, columns), -1 to 1, place by place: above 0 for real."""
        detail = image - avg_pool2d(image, NEAR, 1, NEAR // 2, count_include_pad=False)
        wide, fine = torch.cat([image, LOUDER[0] * detail], dim=1), LOUDER[1] * detail
        for layer in self.wide:
            wide = leaky_relu(layer(wide), SLOPE)
        for layer in self.fine:
            fine = leaky_relu(layer(fine), SLOPE)
        return self.of_wide(wide), self.of_fine(fine)


def unlike(drawn: Tensor, wanted: Tensor) -> Tensor:
    """1 less the local correlation of two images, where the second shows structure: free of local brightness and contrast."""
    a, b = (blurred((one + 1) / 2, COARSE) for one in (drawn, wanted))
    apart = []
    for place in PLACES:
        mean_a, mean_b = blurred(a, place), blurred(b, place)
        var_a = (blurred(a * a, place) - mean_a.square()).clamp(min=0) + FLAT**2
        var_b = (blurred(b * b, place) - mean_b.square()).clamp(min=0) + FLAT**2
        both = blurred(a * b, place) - mean_a * mean_b
        shown = (var_b - FLAT**2) / (var_b + 3 * FLAT**2)
        apart.append((shown * (1 - both / (var_a * var_b).sqrt())).mean())
    return torch.stack(apart).mean()


def ring_gap(drawn: Tensor, real: Tensor) -> Tensor:
    """Mean gap of two batches in the mean logarithm of power by frequency, windowed so that edges of the image play no part.

    In dark places the finest frequencies have so little power that a discriminator of patches does not see what is wrong with them.
    """
    taper = [torch.hann_window(n, periodic=False, device=drawn.device) for n in drawn.shape[-2:]]
    window = taper[0][:, None] * taper[1]
    powers = [power_of_each((one - one.mean(dim=(2, 3), keepdim=True)) * window) for one in (drawn, real)]
    logs = [one.clamp(min=FAINTEST).log().mean(dim=0) for one in powers]
    return (logs[0] - logs[1]).abs().mean()


def blurred(image: Tensor, sd: float) -> Tensor:
    """Images (batch, 1, rows, columns) after a Gaussian, mirrored at their edges."""
    reach = min(int(3 * sd), min(image.shape[-2:]) - 1)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0, device=image.device) ** 2) / (2 * sd**2))
    kernel = kernel / kernel.sum()
    wide = pad(image, (reach,) * 4, mode="reflect")
    return conv2d(conv2d(wide, kernel[None, None, :, None]), kernel[None, None, None, :])
