"""How far the frequency content of synthetic images is from that of real ones."""
