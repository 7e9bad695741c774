"""Networks that draw in one pass, led by the mask at every layer: the decoder of `vae`, the generator of `gan`."""
