"""A conditional adversarial network: SPADE generator against discriminators of patches at several scales."""
