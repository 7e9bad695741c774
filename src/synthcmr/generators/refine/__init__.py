"""Simulate, then refine: a phantom of whoever is asked for, finished by a network that learned the late part of the way on real images."""
