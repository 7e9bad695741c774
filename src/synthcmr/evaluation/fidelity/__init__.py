"""Are the images like real ones: in features, tissues, anatomy, variety, and from slice to slice."""
