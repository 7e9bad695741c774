"""How a phantom subject is scanned: protocols, signal, coils, k-space and what vendors make of it."""
