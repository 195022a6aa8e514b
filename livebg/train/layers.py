"""A scene as data: layers, each a picture with a map into the frame.

It can be drawn at any size, and again a moment later with everybody moved a little, which is what the loss on
consistency over time needs.

Places are in the frame's own units: y from 0 (top) to 1 (bottom), x from 0 to its aspect. Drawing squashes the frame to
the asked size, as ``Segmenter`` does with every picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livebg.frame import Image

Matrix = NDArray[np.float64]
"""(2, 3): source pixels to the frame's units."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A picture in the frame; ``alpha`` is what of it is subject.

    Attributes:
        image: RGB uint8 (h, w, 3).
        alpha: uint8 (h, w); ``None`` where nothing is.
        place: From its pixels to the frame.
        whole: All of the picture is shown and not the subject alone.
        thing: It is a thing: what shows of it is background.
    """

    image: Image
    alpha: Image | None
    place: Matrix
    whole: bool
    thing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How a layer moves from one frame to the next.

    Attributes:
        affine: (2, 3) in the frame's units.
        bend: (4, 4, 2) displacements at a coarse grid, in the frame's units: cloth and hair.
    """

    affine: Matrix
    bend: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Layers from the back to the front, in a frame of an aspect."""

    layers: tuple[Layer, ...]
    aspect: float

    def draw(self, size: tuple[int, int], motions: tuple[Motion | None, ...] | None = None) -> tuple[Image, Image]:
        """The picture and its true alpha.

        Args:
            size: Width and height in pixels.
            motions: One for each layer.

        Returns:
            RGB uint8 (H, W, 3) and alpha uint8 (H, W).
        """
        width, height = size
        picture = np.zeros((height, width, 3), np.uint8)
        truth = np.zeros((height, width), np.uint8)
        for layer, motion in zip(self.layers, motions or (None,) * len(self.layers), strict=True):
            matrix = _to_pixels(layer.place, motion, self.aspect, size)
            picture, truth = _paint(layer, matrix, picture, truth)
            if motion is not None and motion.bend.any():
                picture, truth = _bent(picture, truth, motion.bend, self.aspect)
        return picture, truth


def _to_pixels(place: Matrix, motion: Motion | None, aspect: float, size: tuple[int, int]) -> Matrix:
    full = np.vstack([place, [0, 0, 1]])
    if motion is not None:
        full = np.vstack([motion.affine, [0, 0, 1]]) @ full
    matrix: Matrix = np.diag([size[0] / aspect, size[1], 1]) @ full
    # Pixel centres lie at half a pixel.
    matrix[:2, 2] += matrix[:2, :2] @ [0.5, 0.5] - 0.5
    return matrix[:2]


def _paint(layer: Layer, matrix: Matrix, picture: Image, truth: Image) -> tuple[Image, Image]:
    image, alpha = layer.image, layer.alpha
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.6:  # sampling would skip pixels: average first
        sigma = 0.35 / shrink
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        alpha = None if alpha is None else np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), np.uint8)
    size = (picture.shape[1], picture.shape[0])
    border = cv2.BORDER_REFLECT_101 if layer.whole else cv2.BORDER_REPLICATE
    image = np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border), np.uint8)
    if alpha is None:
        return image, np.zeros_like(truth)
    # A body that goes on beyond its picture goes on; one that does not ends there.
    outside = border if layer.whole else cv2.BORDER_CONSTANT
    mask = np.asarray(cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR, borderMode=outside), np.uint8)
    if layer.whole:
        return image, mask
    part = mask.astype(np.float32)[..., None] * np.float32(1 / 255)
    painted = picture + (image.astype(np.float32) - picture) * part
    covered = truth + (np.float32(0 if layer.thing else 255) - truth) * part[..., 0]
    return np.rint(painted).astype(np.uint8), np.rint(covered).astype(np.uint8)


def _bent(picture: Image, truth: Image, bend: NDArray[np.float32], aspect: float) -> tuple[Image, Image]:
    height, width = truth.shape
    shift = np.asarray(cv2.resize(bend, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across = columns + shift[..., 0] * np.float32(width / aspect)
    down = rows + shift[..., 1] * np.float32(height)
    moved = [
        np.asarray(cv2.remap(each, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        for each in (picture, truth)
    ]
    return moved[0], moved[1]
