"""What is there and is nobody: chairs, tables, things, a room in a person's colours, a place that somebody left.

Networks take for a shoulder what stands behind it in its colour, for a body the table that it sits at, and for a
person what is large and upright.
Photographs of that with exact masks are rare, so it is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.train.layers import Layer

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.train.folders import Subject

_MOST = 2  # things in one room
_RIM = 21  # the width of the brush: pixels around somebody that are theirs too: the edge of a mask, a shade
_COARSE = 6  # what nobody knows is filled in at that part of the size


def things(rng: np.random.Generator, rooms: list[Image], aspect: float, odds: float) -> list[Layer]:
    """One or two upright things, in one colour or cut out of another room; with the odds against, none.

    Args:
        rng: What draws lots.
        rooms: RGB uint8 (h, w, 3).
        aspect: Of the frame.
        odds: 0..1 that there are any.
    """
    if not odds or rng.random() >= odds:
        return []
    found = []
    for _ in range(int(rng.integers(1, _MOST + 1))):
        shape = _shape(rng)
        surface = _piece(rng, rooms, shape) if rng.random() < 0.6 else _surface(rng, rng.uniform(0, 255, 3), shape)
        tall = rng.uniform(0.25, 1.1)
        wide = tall * np.exp(rng.uniform(np.log(0.3), np.log(1.1)))
        # It stands on something, mostly below the frame.
        bottom = rng.uniform(0.6, 1.3)
        corner = rng.uniform(-0.3 * wide, aspect - 0.7 * wide), bottom - tall
        found.append(_superellipse(rng, surface, corner, (wide, tall)))
    return found


def chair(rng: np.random.Generator, body: Layer, box: tuple[int, int, int, int]) -> Layer:
    """The back of a chair behind a body, mostly in a colour of its clothes; it goes on below the frame.

    Args:
        rng: What draws lots.
        body: Who sits in it.
        box: Left, top, right, bottom of what is subject in the body's picture, in pixels.
    """
    colour = _clothes(rng, body) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    surface = _surface(rng, colour, _shape(rng))
    left, top, right, bottom = box
    corners = body.place @ np.array([[left, right], [top, bottom], [1, 1]])
    wide, tall = abs(corners[0, 1] - corners[0, 0]), corners[1, 1] - corners[1, 0]
    shoulders = min(wide, 0.9 * tall)  # a standing body is wide at its shoulders only
    half = shoulders * rng.uniform(0.2, 0.65)
    centre = corners[0].mean() + rng.normal(0, 0.15) * shoulders
    start = corners[1, 0] + rng.uniform(-0.15, 0.6) * min(tall, 1.5 * shoulders)
    return _superellipse(rng, surface, (centre - half, start), (2 * half, shoulders * rng.uniform(0.8, 2)))


def table(rng: np.random.Generator, rooms: list[Image], lap: float, aspect: float) -> Layer:
    """A table before everybody: it hides what is below its far edge, and goes on below the frame and to both sides.

    Why never in the colour of clothes: a network that had seen such tables took the hem of a plain shirt, where the
    frame cut it, for one.

    Args:
        rng: What draws lots.
        rooms: RGB uint8 (h, w, 3); what it is made of, where it is not in one colour.
        lap: 0..1, the highest that its edge may lie.
        aspect: Of the frame.
    """
    lot, shape = rng.random(), (int(rng.integers(150, 300)), int(rng.integers(300, 500)))
    if lot < 0.5:
        surface = _piece(rng, rooms, shape)
    else:
        white = rng.uniform(150, 255) + rng.uniform(-12, 12, 3)
        surface = _surface(rng, white if lot < 0.85 else rng.uniform(0, 255, 3), shape)
    wide, tall = aspect * rng.uniform(1.6, 3), rng.uniform(0.8, 1.6)
    corner = aspect / 2 - wide * rng.uniform(0.4, 0.6), rng.uniform(lap, 0.97)
    return _superellipse(rng, surface, corner, (wide, tall), flat=True)


def in_colours_of(rng: np.random.Generator, room: Layer, body: Layer) -> Layer:
    """The room with mean and deviation of colour as the body has them (Reinhard et al., "Color transfer between
    images", IEEE CG&A 2001, in RGB), in part: what tells them apart must be more than colour."""
    inside = body.image[np.asarray(body.alpha) > 200]
    if not len(inside):
        return room
    mean, spread = room.image.mean((0, 1)), room.image.std((0, 1)) + 1
    gain = np.clip((inside.std(0) + 1) / spread, 0.5, 2)
    share = rng.uniform(0.4, 1)
    matched = (room.image - mean) * (1 + share * (gain - 1)) + mean + share * (inside.mean(0) - mean)
    return replace(room, image=np.clip(matched, 0, 255).astype(np.uint8))


def emptied(subject: Subject) -> Image:
    """Where somebody was photographed, without them: pillows, streets, gardens, the insides of cars.

    What they hid is taken from the picture's mirror image, and what is hidden in both from around it (Telea, "An image
    inpainting technique based on the fast marching method", J. Graphics Tools 2004, on a small picture). The idea of
    people before the places of others: Ghiasi et al., "Simple copy-paste", CVPR 2021.
    """
    picture = subject.image
    height, width = subject.alpha.shape
    rim = np.ones((_RIM, _RIM), np.uint8)
    hidden = np.asarray(cv2.dilate(subject.alpha, rim), np.uint8) > 8
    both = hidden & hidden[:, ::-1]
    place = np.where((hidden & ~both)[..., None], picture[:, ::-1], picture)
    if both.any():
        small = (max(1, width // _COARSE), max(1, height // _COARSE))
        coarse = np.asarray(cv2.resize(place, small, interpolation=cv2.INTER_AREA), np.uint8)
        # Where a part of a coarse pixel is theirs, all of it is: nothing of their colours is spread.
        gone = np.asarray(cv2.resize(both.astype(np.float32), small, interpolation=cv2.INTER_AREA), np.float32) > 0
        if gone.all():  # nobody knows what is behind: a wall
            coarse[:] = coarse.mean((0, 1))
        else:
            coarse = np.asarray(cv2.inpaint(coarse, gone.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
        around = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        place = np.where(both[..., None], around, place)
    # Without a seam: within the rim the one becomes the other.
    share = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), _RIM / 5)[..., None]
    return np.rint(picture + share * (place.astype(np.float32) - picture)).astype(np.uint8)


def _shape(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a thing's own picture."""
    return int(rng.integers(60, 160)), int(rng.integers(60, 160))


def _surface(rng: np.random.Generator, colour: NDArray[np.float64], shape: tuple[int, int]) -> Image:
    """One colour with shade from side to side, and grain."""
    height, width = shape
    shade = rng.uniform(0.5, 1.3, (2, int(rng.integers(2, 7)), 1)).astype(np.float32)
    shades = np.asarray(cv2.resize(shade, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    grain = rng.standard_normal((height, width, 1), np.float32) * np.float32(rng.uniform(0, 12))
    return np.clip(colour * shades[..., None] + grain, 0, 255).astype(np.uint8)


def _piece(rng: np.random.Generator, rooms: list[Image], shape: tuple[int, int]) -> Image:
    """A part of a room: wood, tiles, cloth, shelves."""
    room = rooms[int(rng.integers(len(rooms)))]
    height, width = room.shape[:2]
    high, wide = int(height * rng.uniform(0.2, 0.7)), int(width * rng.uniform(0.1, 0.5))
    y, x = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    piece = room[y : y + max(1, high), x : x + max(1, wide)]
    return np.asarray(cv2.resize(piece, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _superellipse(
    rng: np.random.Generator,
    surface: Image,
    corner: tuple[float, float],
    size: tuple[float, float],
    *,
    flat: bool = False,
) -> Layer:
    """A surface in the shape of Lame's curve, |x|^n + |y|^n = 1, anything from round to square.

    Args:
        rng: What draws lots.
        surface: RGB uint8 (h, w, 3).
        corner: Left and top in the frame's units.
        size: Width and height in the frame's units.
        flat: Nearer to a square.
    """
    height, width = surface.shape[:2]
    down, across = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    power = np.exp(rng.uniform(np.log(6 if flat else 2), np.log(12)))
    inside = np.abs(across) ** power + np.abs(down) ** power < 1
    alpha = np.asarray(cv2.GaussianBlur(np.where(inside, np.uint8(255), np.uint8(0)), (0, 0), 0.9), np.uint8)
    place = np.array([[size[0] / width, 0, corner[0]], [0, size[1] / height, corner[1]]])
    return Layer(surface, alpha, place, False, thing=True)


def _clothes(rng: np.random.Generator, body: Layer) -> NDArray[np.float64]:
    """The colour of a small piece of the lower half of a body."""
    rows, columns = np.nonzero(np.asarray(body.alpha) > 200)
    if not len(rows):
        return rng.uniform(0, 255, 3)
    pick = rng.integers(len(rows) // 2, len(rows))
    piece = body.image[max(0, rows[pick] - 4) : rows[pick] + 5, max(0, columns[pick] - 4) : columns[pick] + 5]
    return np.asarray(np.median(piece.reshape(-1, 3), axis=0) + rng.normal(0, 6, 3))
