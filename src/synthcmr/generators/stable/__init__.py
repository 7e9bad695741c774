"""Stable Diffusion with a ControlNet: the recipe of the fairness paper (Skorupko et al. 2024), for users who have the weights."""
