"""Whom a cohort leaves out, what must be made to balance it, and whether that made a fairer model."""
