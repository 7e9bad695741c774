"""A conditional variational autoencoder with a SPADE decoder."""
