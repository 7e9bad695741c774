"""The body of a phantom subject: shapes in space, and the tissue at every point of a plane."""
