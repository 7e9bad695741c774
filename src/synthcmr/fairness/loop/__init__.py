"""The closed loop: see which groups a model fails, make images for those, look again, and stop when nothing is gained."""
