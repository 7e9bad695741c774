"""Segmentation networks that learn from real, synthetic and both kinds of images, tested on real ones."""
