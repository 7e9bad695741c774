"""Attacks on membership: with the images alone (black box), with sampling access (grey box), and with the weights (white box)."""
