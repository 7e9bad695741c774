"""The steps of the chain as Python functions: what `synthcmr` exports, and what the command line calls."""
