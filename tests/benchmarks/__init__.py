"""Of the measuring scripts: what they say of sets whose difference is known."""
