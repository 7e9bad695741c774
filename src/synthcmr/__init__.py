"""synthcmr: synthetic cardiac MRI that a research group or a hospital can use."""

__version__ = "0.1.0"
