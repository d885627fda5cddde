"""wherein finds code by meaning, on your own machine."""

__version__ = "0.1.0"
