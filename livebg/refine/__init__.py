"""Coarse mattes to the frame's size, along the picture's own edges."""

from livebg.refine.guided import Bilinear, Guided

__all__ = ["Bilinear", "Guided"]
