"""What a network gets wrong itself, to be shown more often: it learns most from that.

Sources: Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, section 4: images without
people are searched for false positives, and these are trained on again (rooms). Shrivastava, Gupta and Girshick,
"Training region-based object detectors with online hard example mining", CVPR 2016: of what there is, that with the
greatest loss is trained on (people; here once, before training).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livebg.train.validation import matte_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livebg.frame import Image
    from livebg.scale import InputSizes
    from livebg.segment.u2net import U2Net
    from livebg.train.folders import Shelf, Subject

LEAST = 0.005  # mean alpha, a quarter of what an empty room may have
HARD = 0.2  # of each source
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


def with_hard(shelf: Shelf, network: U2Net, sizes: InputSizes, sources: Iterable[str]) -> Shelf:
    """A shelf whose hard subjects are the fifth of each source in which a network errs most.

    The error is that of the soft Jaccard index: what alpha and truth differ by, as a part of what either covers.

    Args:
        shelf: It is left as it is.
        network: In evaluation mode.
        sizes: What it sees.
        sources: Whose people are looked at; those with nobody are passed over.
    """
    hard = {}
    for source in sources:
        subjects = shelf.subjects.get(source, [])
        worst = np.argsort([-_error(network, each, sizes) for each in subjects], kind="stable")
        if subjects:
            hard[source] = [subjects[index] for index in worst[: max(1, round(HARD * len(subjects)))]]
    return replace(shelf, hard=hard)


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


def _error(network: U2Net, subject: Subject, sizes: InputSizes) -> float:
    ours = matte_of(network, sizes, subject.image)
    true = subject.alpha.astype(np.float32) / np.float32(255)
    return float(np.abs(ours - true).sum() / np.maximum(ours, true).sum())


def _mirrored(room: Image) -> Image:
    return np.ascontiguousarray(room[:, ::-1])
