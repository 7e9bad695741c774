"""Numbers of images: what distances are taken in. Computed once, streamed, kept."""
