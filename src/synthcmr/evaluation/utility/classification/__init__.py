"""The classifier of the debiasing experiment, trained on real, synthetic and both kinds of images."""
