"""Frames into mattes: U²-Net, the runtimes that compute it, and what makes an alpha of its score."""

from livebg.segment.segmenter import Segmenter

__all__ = ["Segmenter"]
