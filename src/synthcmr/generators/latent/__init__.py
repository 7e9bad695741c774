"""Flow or diffusion in the latent space of an autoencoder."""
