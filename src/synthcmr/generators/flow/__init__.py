"""Rectified flow on pixel-unshuffled images: the default family."""
