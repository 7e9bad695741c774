"""Whether cines beat as real ones do: flicker, closure of the cycle, volume-time curves."""
