"""Which connected parts of a score are subjects, and which gaps in them are none.

A part is what its sure pixels say, as in hysteresis (Canny, "A computational approach to edge detection", PAMI 1986):
weak pixels count only where they hang together with sure ones. A gap inside a subject is the same turned around: it is
room where it holds pixels that are surely room, and otherwise doubt within the subject, which is closed.

Why no threshold decides: a part whose area crosses one from frame to frame would blink. Each pixel gives evidence from
0 (in doubt) to 1 (sure), a part's evidence is the sum over its pixels, and its gain rises smoothly from 0 to 1 while
that sum doubles. So a speck fades and the matte of a frame needs no memory of the last. What still jumps is the moment
two parts touch; the smoother behind takes that.

Networks that were trained on empty scenes too know when they see nobody: what fools them in a room seldom makes them
sure. There a part also needs a core that is sure beyond doubt. It is measured against the part's evidence and not its
area, which the faintest haze around somebody would enlarge; but somebody small and sure who touches something large and
doubtful fades with it.

Why smaller: parts are counted on at most 128 pixels a side (each the greatest score of those it covers, or the least
where gaps are looked for), which takes a ninth of the time at 320 and joins only what is a pixel apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.frame import Alpha

SURE_BACKGROUND = np.float32(0.1)
SURE_FOREGROUND = np.float32(0.9)

Subjects = int | Literal["all", "largest"]

LEAST_SUBJECT = 0.0008
"""Sure pixels of the smallest subject, as a share of the picture: 2.8 % of its sides squared. Twice that is whole."""

LEAST_GAP = 0.0004
"""Sure room, as a share of the picture, in the smallest gap that begins to stay open; in twice that it is open."""

LARGEST_DOUBT = 0.03
"""The largest gap that is closed whole, as a share of the picture; twice that is left as it is."""

RUNNER_UP = 0.8
"""Beside the Nth largest subject, those fade out that have down to this share of its size: twins do not take turns."""

# Scores from doubt to beyond it, and the shares of a part's evidence that have to lie there for it to be nobody and
# somebody. With people and people-nano of 104 held-out empty rooms none shows somebody then (2 and 5 before), of 416
# windows of them 8 and 3 (15 and 28); of 415 pictures of people one and four lose somebody far off or half lost before.
_BEYOND = 0.95, 0.99
_SHARE = 0.12, 0.22

_LONG_SIDE = 128


def subject_gain(
    score: Alpha, subjects: Subjects = "all", *, sure: bool = False, closed: Alpha | None = None
) -> Alpha | None:
    """How much of each pixel's alpha is kept.

    Args:
        score: float32 (h, w) in [0, 1].
        subjects: ``all``, the ``largest``, or how many of the largest; their size is their evidence.
        sure: A part fades out of which too little is sure beyond doubt. For networks that were trained on scenes
            without a subject too; others are less sure of what they see.
        closed: From ``doubt_closed``: gaps that belong to what surrounds them.

    Returns:
        float32 (h, w) in [0, 1], 1 in subjects and where alpha is 0 anyway; ``None`` where it is 1 throughout.
    """
    small = _pooled(score, cv2.dilate)
    seen = small > SURE_BACKGROUND
    if closed is not None:
        seen |= _pooled(closed, cv2.dilate) > 0
    count, labels = _parts(seen, connectivity=8)
    evidence = _sums(labels, count, np.clip((small - 0.5) * 2.5, 0, 1))
    evidence[0] = 0
    gain = _rise(evidence, LEAST_SUBJECT * small.size)
    if sure:
        surety = _surety(small, labels, evidence)
        gain *= surety
        evidence *= surety
    wanted = count if subjects == "all" else 1 if subjects == "largest" else subjects
    if wanted < count - 1:
        last = np.sort(evidence)[-wanted]
        gain *= _smoothstep((evidence / max(last, 1e-9) - RUNNER_UP) / (1 - RUNNER_UP))
    gain[0] = 1
    return None if (gain == 1).all() else _spread(gain[labels], score.shape)


def doubt_closed(score: Alpha) -> Alpha | None:
    """How far the doubt in gaps inside subjects is closed.

    Args:
        score: float32 (h, w) in [0, 1].

    Returns:
        float32 (h, w) in [0, 1]: 1 in a small gap without sure room, 0 outside gaps and where the room is really seen;
        ``None`` where it is 0 throughout.
    """
    small = _pooled(score, cv2.erode)
    # Diagonal neighbours do not leak: a gap is 4-connected where its surroundings are 8-connected.
    count, labels = _parts(small < SURE_FOREGROUND, connectivity=4)
    area = np.bincount(labels.ravel(), minlength=count).astype(np.float32)
    room = _sums(labels, count, np.clip((0.4 - small) * 4, 0, 1))
    close = (1 - _rise(room, LEAST_GAP * small.size)) * (1 - _rise(area, LARGEST_DOUBT * small.size))
    close[0] = 0
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        close[border] = 0  # open to the outside
    return _spread(close[labels], score.shape) if close.any() else None


def _pooled(score: Alpha, grow: Callable[..., cv2.typing.MatLike]) -> Alpha:
    height, width = score.shape
    step = -(-max(height, width) // _LONG_SIDE)
    if step == 1:
        return score
    # The kernel's anchor is its first pixel, so that block (i, j) is what cell (i, j) covers.
    grown = np.asarray(grow(score, np.ones((step, step), np.uint8), anchor=(0, 0)), np.float32)
    return np.ascontiguousarray(grown[::step, ::step])


def _spread(small: Alpha, shape: tuple[int, ...]) -> Alpha:
    step = -(-max(shape) // _LONG_SIDE)
    if step == 1:
        return small
    return small.repeat(step, axis=0)[: shape[0]].repeat(step, axis=1)[:, : shape[1]]


def _parts(mask: NDArray[np.bool_], connectivity: Literal[4, 8]) -> tuple[int, NDArray[np.int32]]:
    """How many labels there are, 0 for what is outside the mask among them, and each pixel's."""
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)
    return count, np.asarray(labels, np.int32)


def _sums(labels: NDArray[np.int32], count: int, values: Alpha) -> NDArray[np.float32]:
    return np.bincount(labels.ravel(), weights=values.ravel(), minlength=count).astype(np.float32)


def _surety(small: Alpha, labels: NDArray[np.int32], evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 for a part too little of whose evidence is sure beyond doubt, 1 where enough is."""
    beyond = _sums(labels, len(evidence), np.clip((small - _BEYOND[0]) / (_BEYOND[1] - _BEYOND[0]), 0, 1))
    low, high = _SHARE
    rise: NDArray[np.float32] = (beyond - low * evidence) / np.maximum((high - low) * evidence, 1e-6)
    return _smoothstep(rise)


def _rise(value: NDArray[np.float32], foot: float) -> NDArray[np.float32]:
    """0 up to ``foot``, 1 from twice that."""
    return _smoothstep(value / np.float32(foot) - 1)


def _smoothstep(t: NDArray[np.float32]) -> NDArray[np.float32]:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
