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
    from livebg.segment.u2net import U2Net
    from livebg.train.folders import Shelf

LEAST = 0.005  # mean alpha, a quarter of what an empty room may have


def with_mined(shelf: Shelf, network: U2Net, size: tuple[int, int]) -> Shelf:
    """A shelf whose decoys are also the rooms in which a network sees somebody, as they are or mirrored.

    Args:
        shelf: It is left as it is.
        network: In evaluation mode.
        size: What it sees, width and height.
    """
    known = {id(decoy) for decoy in shelf.decoys}
    found = [room for room in shelf.rooms if id(room) not in known and _fools(network, room, size)]
    return replace(shelf, decoys=[*shelf.decoys, *found])


def _fools(network: U2Net, room: Image, size: tuple[int, int]) -> bool:
    mirrored = np.ascontiguousarray(room[:, ::-1])
    return any(float(matte_of(network, size, each).mean()) > LEAST for each in (room, mirrored))
