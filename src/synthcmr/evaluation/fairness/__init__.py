"""Part fairness: are groups served alike by networks that learned with and without the synthetic images?"""
