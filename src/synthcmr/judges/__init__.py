"""Models that look at an image and say what they see."""
