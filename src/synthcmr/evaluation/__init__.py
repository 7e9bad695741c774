"""Judging synthetic images, whoever made them: features, fidelity, adherence, utility, fairness and privacy."""
