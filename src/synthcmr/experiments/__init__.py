"""One engine that trains small networks under several arms and compares the arms with intervals."""
