"""Rooms that fool the network itself: what it learns most from (hard negative mining).

Source: Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, section 4: images without
people are searched for false positives, and these are trained on again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livebg.train.validation import matte_of

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.scale import InputSizes
    from livebg.segment.u2net import U2Net
    from livebg.train.folders import Shelf

LEAST = 0.005  # mean alpha, a quarter of what an empty room may have
_WINDOWS = 2  # of each room
_ZOOM = 0.35, 0.85  # parts of its height


def with_mined(shelf: Shelf, network: U2Net, sizes: InputSizes, rng: np.random.Generator) -> Shelf:
    """A shelf whose decoys are also the rooms, and windows of rooms, in which a network sees somebody.

    Photographs of rooms are wide, a webcam sees a part of one: what is nobody in a bedroom may be somebody where its
    pillows fill the frame.

    Args:
        shelf: It is left as it is.
        network: In evaluation mode.
        sizes: What it sees.
        rng: What chooses the windows.
    """
    known = {id(decoy) for decoy in shelf.decoys}
    decoys = list(shelf.decoys)
    for room in shelf.rooms:
        if id(room) not in known and any(_fools(network, each, sizes) for each in (room, _mirrored(room))):
            decoys.append(room)
        windows = (window_of(rng, room, sizes.lying[0] / sizes.lying[1]) for _ in range(_WINDOWS))
        decoys += [each for each in windows if _fools(network, each, sizes)]
    return replace(shelf, decoys=decoys)


def window_of(rng: np.random.Generator, room: Image, aspect: float) -> Image:
    """A part of a room as a webcam shows it, .35 to .85 of its height, mirrored half the time.

    Args:
        rng: What chooses it.
        room: RGB uint8 (h, w, 3).
        aspect: Of the window; where the room is too narrow for it, all of its width.
    """
    height, width = room.shape[:2]
    high = max(1, round(height * rng.uniform(*_ZOOM)))
    wide = min(width, max(1, round(high * aspect)))
    y, x = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    window = room[y : y + high, x : x + wide]
    return _mirrored(window) if rng.random() < 0.5 else window.copy()


def _fools(network: U2Net, room: Image, sizes: InputSizes) -> bool:
    return float(matte_of(network, sizes, room).mean()) > LEAST


def _mirrored(room: Image) -> Image:
    return np.ascontiguousarray(room[:, ::-1])
