"""nnU-Net itself as the network that outlines, where it is installed: its folders written, its commands run, its predictions read."""
