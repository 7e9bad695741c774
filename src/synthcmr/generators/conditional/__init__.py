"""What all families of image generators share: mask, neighbouring slice and text in; training, sampling and files around any network."""
