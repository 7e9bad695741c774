"""The whole chain on phantoms: a cohort that is unfair by design, what repairs it, and what that comes to."""
