"""The new background's light on the subject's edge.

Whoever stands before a bright wall is lit by it from behind: without that light an edge looks cut out. What falls on a
pixel is the background around it as far as the subject does not cover it, ``L = blur((1 - alpha) background)``: up to
half of it on the edge, none deep inside. It is added by the screen rule ``255 - (255 - F)(255 - s L) / 255``, which
brightens and never overflows, before the subject is blended; so it ends with the matte.

Source: the light wrap of compositing (Brinkmann, «The Art and Science of Digital Compositing», 2nd ed. 2008, ch. 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.compose.regions import grid_step

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

_REACH = 1 / 60  # standard deviation of the blur over the picture's smaller side


class LightWrap:
    """Lights the subject. Keeps its buffers; a result depends on what it is given alone."""

    def __init__(self, strength: float) -> None:
        """Take a strength.

        Args:
            strength: s, from 0 (nothing) to 1.

        Raises:
            ValueError: It is outside 0..1.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"the strength of light wrap must be within 0..1, got {strength}")
        self._strength = strength
        self._light = np.empty((0, 0, 3), np.uint8)

    def wrap(self, image: Image, alpha: Alpha, under: Image) -> Image:
        """The subject as lit by its background.

        Args:
            image: RGB, (H, W, 3) uint8.
            alpha: Of the same size, float32 in [0, 1].
            under: The background, as ``image``.

        Returns:
            (H, W, 3) uint8, valid until the next call and not to be written to.
        """
        height, width = alpha.shape
        step = grid_step(height, width)
        spilt = under[::step, ::step] * (1 - alpha[::step, ::step, None])
        sigma = _REACH * min(height, width) / step
        light = np.asarray(cv2.GaussianBlur(spilt, (0, 0), max(sigma, 0.5)), np.float32)
        dark = np.rint(255 - np.float32(self._strength) * light).astype(np.uint8)
        if self._light.shape != image.shape:
            self._light = np.empty_like(image)
            self._lit = np.empty_like(image)
        cv2.resize(dark, (width, height), dst=self._light, interpolation=cv2.INTER_LINEAR)
        cv2.bitwise_not(image, dst=self._lit)
        cv2.multiply(self._lit, self._light, dst=self._lit, scale=1 / 255)
        return np.asarray(cv2.bitwise_not(self._lit, dst=self._lit), np.uint8)
