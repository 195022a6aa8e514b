"""Scenes as a webcam frames them: who stands where, before which room.

A scene is data: layers, each a picture with a map into the frame. It can be drawn at any size, and again a moment later
with everybody moved a little, which is what the loss on consistency over time needs.

Places are in the frame's own units: y from 0 (top) to 1 (bottom), x from 0 to its aspect. Drawing squashes the frame to
the asked size, as ``Segmenter`` does with every picture.

The rule that makes composites look right: where a body is cut off by its own picture's border, that border must lie
outside the frame. Nobody floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.train.camera import tint

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.train.folders import Shelf, Subject
    from livebg.train.recipe import SceneConfig

Matrix = NDArray[np.float64]
"""(2, 3): source pixels to the frame's units."""

ASPECTS = (16 / 9, 4 / 3, 5 / 4, 1.0, 3 / 4, 9 / 16)
ASPECT_ODDS = (0.36, 0.34, 0.12, 0.04, 0.08, 0.06)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A picture in the frame; ``alpha`` is what of it is subject.

    Attributes:
        image: RGB uint8 (h, w, 3).
        alpha: uint8 (h, w); ``None`` where nothing is.
        place: From its pixels to the frame.
        whole: All of the picture is shown and not the subject alone.
    """

    image: Image
    alpha: Image | None
    place: Matrix
    whole: bool


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


def compose_scene(rng: np.random.Generator, shelf: Shelf, config: SceneConfig) -> Scene:
    """Draw lots for one scene: a picture as it is, people before a room, or a room with nobody."""
    lot = rng.random()
    if lot < config.empty:
        aspect = _aspect(rng)
        nothing = config.nothing and rng.random() < config.nothing
        room = _nothing(rng, aspect) if nothing else _room(rng, shelf, aspect, config.decoys)
        return Scene((room,), aspect)
    if lot < config.empty + config.as_taken:
        return _as_taken(rng, _subject(rng, shelf, config.as_taken_odds))
    return _composite(rng, shelf, config)


def draw_motion(rng: np.random.Generator, layers: int, aspect: float) -> tuple[Motion | None, ...]:
    """Small movements: the room mostly stands, people sway and bend."""
    motions: list[Motion | None] = []
    for index in range(layers):
        if index == 0 and layers > 1 and rng.random() < 0.7:
            motions.append(None)
            continue
        turn, zoom = rng.normal(0, 0.01), np.exp(rng.normal(0, 0.008))
        cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
        about = np.array([aspect / 2, 0.5])
        linear = np.array([[cos, -sin], [sin, cos]])
        shift = about - linear @ about + rng.normal(0, 0.012, 2)
        bend = rng.normal(0, 0.004, (4, 4, 2)).astype(np.float32) * np.float32(rng.random() < 0.6)
        motions.append(Motion(np.column_stack([linear, shift]), bend))
    return tuple(motions)


def _as_taken(rng: np.random.Generator, subject: Subject) -> Scene:
    """A window of the picture itself, its own background and all."""
    height, width = subject.alpha.shape
    whole = width / height
    if rng.random() < 0.45:
        aspect, zoom = whole * np.exp(rng.normal(0, 0.1)), rng.uniform(0.85, 1)
    else:
        aspect, zoom = _aspect(rng), rng.uniform(0.55, 1)
    high = zoom * min(height, width / aspect)
    wide = high * aspect
    left, top, right, bottom = subject.box
    # The window holds a point of the body, mostly of its upper half, anywhere but at its very rim.
    x = rng.uniform(left, right) - wide * rng.uniform(0.1, 0.9)
    y = top + (bottom - top) * rng.uniform(0, 0.5) - high * rng.uniform(0.1, 0.7)
    x, y = float(np.clip(x, 0, width - wide)), float(np.clip(y, 0, height - high))
    place = np.array([[1 / high, 0, -x / high], [0, 1 / high, -y / high]])
    return Scene((Layer(subject.image, subject.alpha, _turned(rng, place, aspect), True),), aspect)


def _composite(rng: np.random.Generator, shelf: Shelf, config: SceneConfig) -> Scene:
    aspect = _aspect(rng)
    two = rng.random() < config.two_people
    # Two sit side by side; one sits in the middle, more or less.
    centres = (
        (aspect * rng.uniform(0.1, 0.35), aspect * rng.uniform(0.6, 0.9))
        if two
        else (aspect * float(np.clip(rng.normal(0.5, 0.2), -0.02, 1.02)),)
    )
    layers = [_room(rng, shelf, aspect, 0.0)]
    for centre in rng.permutation(np.array(centres)):
        subject = _subject(rng, shelf, config.composite_odds)
        image, alpha = _cut_out(subject)
        if rng.random() < 0.5:
            image = tint(rng, image, strength=0.5)
        layers.append(Layer(image, alpha, _seated(rng, subject, float(centre), aspect), False))
    return Scene(tuple(layers), aspect)


def _seated(rng: np.random.Generator, subject: Subject, centre: float, aspect: float) -> Matrix:
    """A place for a body: near or far, its centre about ``centre``, its cut sides outside the frame."""
    height, width = subject.alpha.shape
    left, top, right, bottom = subject.box
    cut_left, cut_top, cut_right, cut_bottom = subject.cut
    tall, wide = bottom - top, right - left
    if rng.random() < 0.5:  # mirrored, so that light and hair come from both sides
        mirror = np.array([[-1.0, 0, width], [0, 1, 0]])
        left, right, cut_left, cut_right = width - right, width - left, cut_right, cut_left
    else:
        mirror = np.array([[1.0, 0, 0], [0, 1, 0]])
    standing = tall > 1.7 * wide and not cut_bottom
    share = np.exp(rng.uniform(np.log(0.75), np.log(3.2))) if standing else rng.uniform(0.45, 1.15)
    scale = share / tall
    if cut_left and cut_right:
        scale = max(scale, aspect / width)
    if cut_top and cut_bottom:
        scale = max(scale, 1 / height)
    x = centre - scale * (left + right) / 2
    if cut_left:
        x = min(x, 0.0)
    if cut_right:
        x = max(x, aspect - scale * width)
    y = rng.uniform(-0.06, 0.4 if scale * tall < 1 else 0.15) - scale * top  # near ones fill the frame
    if rng.random() < 0.08:
        y -= rng.uniform(0.1, 0.5)  # too near, or standing up
    if not standing and not cut_bottom:
        y = max(y, rng.uniform(0.6, 1.0) - scale * bottom)
    if cut_bottom:
        y = max(y, 1 - scale * height)
    if cut_top:
        y = min(y, 0.0)
    place = np.array([[scale, 0, x], [0, scale, y]])
    place[:, 2] += place[:, :2] @ mirror[:, 2]
    place[:, :2] = place[:, :2] @ mirror[:, :2]
    return place


def _room(rng: np.random.Generator, shelf: Shelf, aspect: float, decoys: float) -> Layer:
    image = _any(rng, shelf.decoys if shelf.decoys and rng.random() < decoys else shelf.rooms)
    height, width = image.shape[:2]
    high = min(height, width / aspect) * rng.uniform(0.5, 1)
    wide = high * aspect
    x, y = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    place = np.array([[1 / high, 0, -x / high], [0, 1 / high, -y / high]])
    if rng.random() < 0.3:  # out of focus, as rooms behind people are
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 4)), np.uint8)
    return Layer(image, None, _turned(rng, place, aspect), True)


def _nothing(rng: np.random.Generator, aspect: float) -> Layer:
    """A wall, a covered lens, a broken picture: a colour that changes over the frame, and grain of any size."""
    height = int(rng.integers(60, 480))
    width = max(1, round(height * aspect))
    colour = rng.uniform(0, 255) + rng.uniform(-100, 100, 3) * rng.choice([0.0, 0.2, 1.0])
    shades = colour + rng.normal(0, 1, (2, 2, 3)) * rng.choice([0, 10, 60])
    wall = cv2.resize(shades.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.standard_normal((height, width, 1 if rng.random() < 0.5 else 3), np.float32)
    soft = rng.choice([0.0, rng.uniform(0.5, 6)])
    if soft:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), soft), np.float32).reshape(grain.shape)
    grain *= np.float32(np.exp(rng.uniform(np.log(1), np.log(120))) / max(float(grain.std()), 1e-6))
    image = np.clip(wall + grain, 0, 255).astype(np.uint8)
    place = np.array([[1 / height, 0, 0], [0, 1 / height, 0]])
    return Layer(image, None, place, True)


def _cut_out(subject: Subject) -> tuple[Image, Image]:
    """Colours that reach beyond the edge, and an alpha that is soft there.

    A drawn mask is hard and a pixel too wide, and the old background shines at its rim: it is taken in a little and
    softened, and outside it the colours are averages of those inside (normalised convolution).
    """
    if subject.keyed:
        return subject.image, subject.alpha
    inside = np.asarray(cv2.erode(subject.alpha, np.ones((3, 3), np.uint8)), np.uint8)
    alpha = np.asarray(cv2.GaussianBlur(inside, (0, 0), 0.9), np.uint8)
    weight = (inside > 200).astype(np.float32)
    spread = cv2.blur(weight, (9, 9))
    colours = cv2.blur(subject.image * weight[..., None], (9, 9)) / np.maximum(spread, 1e-3)[..., None]
    image = np.where(weight[..., None] > 0, subject.image, colours.astype(np.uint8))
    return np.ascontiguousarray(image), alpha


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
    covered = truth + (255 - truth.astype(np.float32)) * part[..., 0]
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


def _turned(rng: np.random.Generator, place: Matrix, aspect: float) -> Matrix:
    """Mirrored half the time, and held a little askew."""
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = rng.normal(0, 0.05)
    grow = 1 + abs(angle)  # so that mostly no corner shows the border
    cos, sin = grow * np.cos(angle), grow * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror, 1.0])
    about = np.array([aspect / 2, 0.5])
    turned = linear @ place
    turned[:, 2] += about - linear @ about
    return turned


def _subject(rng: np.random.Generator, shelf: Shelf, odds: dict[str, float]) -> Subject:
    names = [name for name in odds if shelf.subjects.get(name)]
    weights = np.array([odds[name] for name in names])
    subjects = shelf.subjects[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    return subjects[int(rng.integers(len(subjects)))]


def _any(rng: np.random.Generator, images: list[Image]) -> Image:
    return images[int(rng.integers(len(images)))]


def _aspect(rng: np.random.Generator) -> float:
    return ASPECTS[int(rng.choice(len(ASPECTS), p=ASPECT_ODDS))]
