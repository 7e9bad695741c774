"""The frequency content of images: how true synthetic ones are, and how to make them truer."""
