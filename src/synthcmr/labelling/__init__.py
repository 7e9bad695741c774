"""Segmentation of any cohort without one label: finds the heart, segments it, says how sure it is."""
