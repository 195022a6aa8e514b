"""Coarse mattes to the frame's size: bilinear, or along the picture's edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.frame import Matte

if TYPE_CHECKING:
    from livebg.stages import Draft


class Bilinear:
    """The coarse matte as it is, bilinear between its pixels; keeps nothing."""

    def refine(self, draft: Draft) -> Matte:
        """The matte at the frame's size, float32 (H, W) in [0, 1]."""
        frame = draft.frame
        return Matte(np.asarray(cv2.resize(draft.matte.alpha, (frame.width, frame.height)), np.float32))

    def reset(self) -> None:
        """Nothing is kept between frames."""


class Guided(Bilinear):
    """The edge-aware refiner."""
