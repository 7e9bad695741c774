"""Models that make images: one file, or folder, per family; and the anatomy generator, which makes masks."""
