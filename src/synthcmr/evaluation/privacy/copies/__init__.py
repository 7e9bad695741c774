"""The search for near-copies: images laid over each other, a threshold from images that are no copies, and planted copies."""
