"""What must be made so that a cohort reaches a target: one row per synthetic subject."""
