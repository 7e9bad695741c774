"""The anatomy generator: who the patient is, or what the heart shall measure -> masks of a whole stack at ED and ES."""
