"""RHM, reconstructive high-frequency mapping (Liu et al. 2025): a network that learns from real images alone what detail belongs where."""
