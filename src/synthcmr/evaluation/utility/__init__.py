"""Part utility: do networks learn from the synthetic images what they would learn from real ones?"""
