"""The embedded digital phantom: a population of hearts and torsos with known truth, imaged by a simulated scanner."""
