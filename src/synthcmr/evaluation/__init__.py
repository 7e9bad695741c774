"""Judges the images of a cohort against real ones, whoever made them: fidelity, adherence, and what plugs in beside them."""
