"""Did the images get what was asked: the mask, the attributes, the volumes."""
