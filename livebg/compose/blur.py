"""The room itself, blurred until nothing in it can be recognised, and blurred without the person.

Why without the person: blurring the whole picture smears the person over the room, which shows as a halo of skin and
shirt. Here every pixel enters with the weight of being room, and the weighted sum is divided by the blurred weights:
normalised convolution (Knutsson & Westin, «Normalized and differential convolution», CVPR 1993). The weight is
``(1 - alpha)^16``: at the reduced scale a cell may hold a share ``alpha`` of the person, and then passes on no more
than ``alpha (1 - alpha)^16`` < 2.3 % of them, while a matte that is uncertain everywhere still leaves a picture, as
only the ratio of weights counts. Where no room is near (the person fills the picture) the same is done four times as
wide, and so on to the mean colour of all that is room; each scale yields to the next without a step, so nothing jumps.

Why this floor: with a Gaussian of standard deviation sigma, stripes from black to white of a period under 1.9 sigma
keep an amplitude below half a step of 8 bits (``127.5 exp(-2 (pi sigma / period)^2) < 0.5``): they are gone, and not
only hard to see. Letters are told apart by frequencies about 3 cycles a letter (Solomon & Pelli, Nature 1994); faces
need 8 or more a face for certainty (Näsänen, Vision Research 1999), and familiar ones some 3.5 (Sinha et al., Proc.
IEEE 2006). At strength 0 sigma is 1/32 of the smaller side S of the picture, so what identifies letters up to S/6 high
and faces up to S/5 wide is gone, and with it whatever a screen shows. No strength goes below that. Along the person's
outline and the picture's border half as many pixels are averaged, so a patch there may lean to the shade beside it.
Larger things, a window or a door, stay as patches of colour: whoever must hide those too takes a colour or a picture.

Why at reduced scale: the result holds nothing finer than sigma. The picture is halved until sigma spans two to four
cells, filtered there, and enlarged; the halvings' own blur is counted in.
"""

from __future__ import annotations

from itertools import pairwise
from math import exp2, floor, log2, sqrt
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.compose.spec import DEFAULT_STRENGTH
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import Alpha, Frame, Image, Matte

_LIGHTEST = 1 / 32  # sigma over the smaller side at strength 0: the floor
_OCTAVES = 2  # from there to strength 1: four times as wide
_FAINT = 1 / 16384  # a weight of room below which the wider scale has its say
_NOTHING = np.float32(1e-6)  # a mean weight below which there is no room at all, and
_GRAY = np.array([128, 128, 128, 255], np.float32)  # what stands for it; alpha covers it
_WEIGHT = np.array([[0, 0, 0, 1 / 255]] * 4, np.float32)  # the weight in place of each channel
_WIDER = 4  # from one scale to the next

_Field = NDArray[np.float32]
_Plane = TypeVar("_Plane", NDArray[np.uint8], NDArray[np.float32])


class Blur(Closing):
    """The blurred room."""

    def __init__(self, strength: float = DEFAULT_STRENGTH) -> None:
        """Take a strength.

        Args:
            strength: 0 (already unreadable, see the module's «Why this floor») to 1 (four times as wide: sigma 1/8 of
                the picture's smaller side); sigma grows geometrically between.

        Raises:
            ValueError: It is outside 0..1.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"the strength of a blur must be within 0..1, got {strength}")
        self._strength = strength
        self._size: tuple[int, ...] = ()

    def under(self, frame: Frame, matte: Matte) -> Image:
        """The room of this frame, blurred."""
        image, alpha = frame.image, matte.alpha
        sigma = self.sigma(frame.width, frame.height)
        spread = sigma * sigma  # variance still to come, in pixels of the current scale
        halvings = max(0, floor(log2(sigma / 2)))
        if self._size != image.shape:
            self._allocate(image.shape, halvings)
        if halvings:
            image, alpha = frame.half, _halved(alpha, self._half)
            spread = (spread - 0.25) / 4
            for (soft, half), (soft_alpha, half_alpha) in zip(self._images, self._alphas, strict=True):
                image = _halved(_softened(image, soft), half)
                alpha = _halved(_softened(alpha, soft_alpha), half_alpha)
                spread = (spread - 0.75) / 4  # what both take off; softened against aliasing
            spread -= 1 / 6  # of the bilinear enlarging
        small = _without_subject(image, alpha, sqrt(spread))
        return np.asarray(cv2.resize(small, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def sigma(self, width: int, height: int) -> float:
        """The Gaussian's standard deviation in pixels, for a picture of this size; at least 2."""
        return max(2.0, _LIGHTEST * exp2(_OCTAVES * self._strength) * min(width, height))

    def close(self) -> None:
        """Nothing is open."""

    def _allocate(self, shape: tuple[int, ...], halvings: int) -> None:
        """Make room for what is between the whole picture and the small one."""
        sizes = [(shape[0] >> step, shape[1] >> step) for step in range(1, halvings + 1)]
        self._half = np.empty(sizes[0] if sizes else (0, 0), np.float32)
        self._alphas = [(np.empty(soft, np.float32), np.empty(half, np.float32)) for soft, half in pairwise(sizes)]
        self._images = [
            (np.empty((*soft, 3), np.uint8), np.empty((*half, 3), np.uint8)) for soft, half in pairwise(sizes)
        ]
        self._size = shape


def _without_subject(image: Image, alpha: Alpha, sigma: float) -> Image:
    """Blur what is room in a small picture, and fill what is not from its surroundings."""
    room = 1 - alpha
    for _ in range(4):
        room *= room
    cells = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # the fourth is 255: the weight goes along as a colour
    field = np.empty((*room.shape, 4), np.float32)
    cv2.multiply(cells, cv2.merge([room] * 4), dst=field, dtype=cv2.CV_32F)
    return np.asarray(cv2.convertScaleAbs(cv2.cvtColor(_spread(field, sigma), cv2.COLOR_RGBA2RGB)), np.uint8)


def _spread(field: _Field, sigma: float) -> _Field:
    """Normalised convolution that falls back to a wider one where its weights run out.

    Args:
        field: (h, w, 4): colours times weight, and 255 times the weight.
        sigma: In cells.

    Returns:
        Colours, and 255; (h, w, 4), defined everywhere.
    """
    height, width = field.shape[:2]
    if height == width == 1:
        return np.divide(field + _NOTHING * _GRAY, field[..., 3:] / 255 + _NOTHING, dtype=np.float32)
    blurred = np.empty_like(field)
    cv2.GaussianBlur(field, (0, 0), sigma, dst=blurred, borderType=cv2.BORDER_CONSTANT)  # outside there is no room
    size = -(-width // _WIDER), -(-height // _WIDER)
    coarse = np.empty((size[1], size[0], 4), np.float32)
    cv2.resize(blurred, size, dst=coarse, interpolation=cv2.INTER_AREA)
    colour = np.empty_like(field)
    cv2.resize(_spread(coarse, sigma), (width, height), dst=colour, interpolation=cv2.INTER_LINEAR)
    cv2.scaleAdd(colour, _FAINT, blurred, dst=blurred)
    cv2.transform(blurred, _WEIGHT, dst=colour)
    return np.divide(blurred, colour, out=colour)


def _halved(plane: _Plane, half: _Plane) -> _Plane:
    """Half as wide and high, by the mean of four; an odd last row or column is left out."""
    height, width = half.shape[:2]
    cv2.resize(plane[: 2 * height, : 2 * width], (width, height), dst=half, interpolation=cv2.INTER_AREA)
    return half


def _softened(plane: _Plane, soft: _Plane) -> _Plane:
    """Filtered by (1, 2, 1)/4 both ways: a variance of half a pixel."""
    cv2.GaussianBlur(plane, (3, 3), 0, dst=soft)
    return soft
