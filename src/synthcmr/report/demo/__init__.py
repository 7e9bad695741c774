"""The page of the demo: what was found, step by step."""
