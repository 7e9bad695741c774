"""Judges the images of a cohort against real ones, whatever generated them: fidelity, adherence, and what plugs in beside them."""
