"""Denoising diffusion on pixel-unshuffled images, with the mask as channels or through a ControlNet."""
