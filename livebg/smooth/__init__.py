"""Steadying mattes along motion, and carrying them between segmentations."""

from livebg.smooth.cadence import Cadence
from livebg.smooth.smoother import Smoother, Strength

__all__ = ["Cadence", "Smoother", "Strength"]
