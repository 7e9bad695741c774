"""The whole chain on phantoms: a cohort that is unfair by design, its audit, a remedy, and whether that helped."""
