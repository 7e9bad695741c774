"""From requests to images: conditions and seeds first, then rendering, screening and storing."""
