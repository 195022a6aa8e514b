"""Mattes made steady over time, along the motion of the picture.

    steady = new * w + warp(steady before) * (1 - w)

An exponential average, but not of a pixel: of what is seen there, wherever it moves, so that it does not lag. The
weight ``w`` of the new matte is a pixel's own. It is least where the picture stands still and both mattes agree, higher
where it moves (each warp softens a little) and where they disagree by much, and 1 where the motion cannot be trusted:
what came into view, what turned too fast, everything after a cut.

Why a part that goes missing is held: a network loses a shoulder for a few frames while the picture there stays as it
was. So a part that was there for ``_KNOWN`` frames, is thick enough to be a part and not an edge, and vanishes where
motion is trusted, is kept for at most ``hold`` frames. A person who leaves changes the picture: trust is 0 there, and
the matte follows at once.

Why motion that tears is not trusted: dense flow is smooth. Along the edge of a subject that moves before a wall that
stands it is a bit of both, both pictures fit it, and a matte carried by it comes half a frame late. So where flow
differs within a window the new matte is taken, with the flicker it has there: made-up subjects then lag by less than
.05 frames from half a pixel a frame on, and by up to .9 without.

Looking ahead is a fixed-lag smoother (Rauch, Tung and Striebel, 1965): steady mattes of later frames are carried back.

Source: exponential smoothing along DIS optical flow; weights and holding are ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.errors import StageError, UsageError
from livebg.frame import Alpha, Matte
from livebg.motion import Field, Motion, backwards, trust_at, warp
from livebg.stages import Draft

Strength = Literal["off", "light", "strong"]


@dataclass(frozen=True, slots=True)
class _Weights:
    """How much of the new matte enters where motion is fully trusted.

    Attributes:
        near: Where the mattes all but agree.
        apart: Where they disagree.
        hold: Frames that a missing part is kept.
    """

    near: float
    apart: float
    hold: float


_STRENGTHS = {
    "light": _Weights(near=0.1, apart=0.4, hold=8),
    "strong": _Weights(near=0.05, apart=0.2, hold=16),
}
_APART = 0.1, 0.6  # of alpha: up to here they agree, from here they do not
_MISSING = 0.4  # of alpha: so much less is a part gone
_KNOWN = 6  # frames that earn a part its full credit
_PART = 5  # pixels of the coarse matte
_TRUSTED = 0.8
_TEAR_BLUR = 5  # pixels of half the motion's grid: what trembles by noise averages out
_TEAR_WINDOW = 11  # pixels of half the grid: so far the flow of one side reaches into the other
_TEAR = 0.15, 0.35  # pixels a frame by which flow differs within the window: trusted up to here, not at all from here
_HINDSIGHT = np.float32(0.7)  # how much the next frame's steady matte says of this one
_ROUNDING = 1e-5  # resizing and warping leave [0, 1] by less


class Smoother:
    """Steadies coarse mattes (``stages.Smoother``).

    Causal with ``lookahead=0``: each frame comes back at once. Else each comes ``lookahead`` frames later, and what
    follows steadies it as what came before does; ``flush()`` gives the last ones.
    """

    def __init__(self, strength: Strength = "light", lookahead: int = 0) -> None:
        """Choose how steady.

        Args:
            strength: ``off`` passes every matte through untouched.
            lookahead: Frames to look ahead, 0 or more.

        Raises:
            UsageError: No such strength, or a negative number of frames.
        """
        if strength not in get_args(Strength):
            raise UsageError(f"there is no smoothing {strength!r}: choose {', '.join(get_args(Strength))}")
        if lookahead < 0:
            raise UsageError(f"lookahead must be 0 or more frames, got {lookahead}")
        self._weights = _STRENGTHS.get(strength)
        self._lookahead = lookahead if self._weights else 0
        self._waiting: deque[tuple[Draft, Alpha]] = deque()
        self._memory: _Memory | None = None

    def smooth(self, draft: Draft) -> Sequence[Draft]:
        """Take one frame with its matte, and give those that are ready.

        Args:
            draft: Its matte of any size that spans the frame; ``motion`` as the tracker gave it for this very frame.

        Returns:
            The frames that are ready, oldest first, with steady mattes of the sizes they came in.

        Raises:
            StageError: The matte is not finite or not within [0, 1]; what was remembered is forgotten.
        """
        if self._weights is None:
            return (draft,)
        _require_valid(draft, self)
        alpha, motion = draft.matte.alpha, draft.motion
        memory = self._memory
        if memory is None or motion is None or motion.cut or memory.steady.shape != alpha.shape:
            self._memory = memory = _Memory(alpha)
        else:
            memory.take(alpha, motion, self._weights)
        if not self._lookahead:
            return (replace(draft, matte=Matte(memory.steady)),)
        self._waiting.append((draft, memory.steady))
        return (self._next(),) if len(self._waiting) > self._lookahead else ()

    def flush(self) -> Sequence[Draft]:
        """The frames held back, oldest first. What was remembered stays until ``reset()``."""
        return [self._next() for _ in range(len(self._waiting))]

    def reset(self) -> None:
        """Forget earlier frames, those held back too."""
        self._memory = None
        self._waiting.clear()

    def _next(self) -> Draft:
        """The oldest frame that waits, steadied by those after it: the backward pass, from the newest to the oldest."""
        newest, steady = self._waiting[-1]
        motion = newest.motion
        for draft, before in list(self._waiting)[-2::-1]:
            if motion is None or motion.cut or before.shape != steady.shape:
                steady = before
            else:
                back = backwards(motion)
                trust = _followed(back, *before.shape)
                steady = before + (warp(steady, back) - before) * trust * _HINDSIGHT
            motion = draft.motion
        draft, _ = self._waiting.popleft()
        return replace(draft, matte=Matte(steady))


class _Memory:
    """What is kept from frame to frame, on the matte's grid and carried with it.

    Attributes:
        steady: The last steady matte; a new array each time, it is handed out.
    """

    def __init__(self, alpha: Alpha) -> None:
        self.steady = alpha
        self._kept = np.zeros((*alpha.shape, 2), np.float32)  # the steady matte and the credit, carried as one picture
        self._kept[..., 0] = alpha
        self._carried = np.empty_like(self._kept)

    def take(self, alpha: Alpha, motion: Motion, weights: _Weights) -> None:
        """One frame further."""
        before, credit = cv2.split(warp(self._kept, motion, into=self._carried))
        new = alpha - before
        weight = weights.near + np.float32(weights.apart - weights.near) * _ramp(np.abs(new), *_APART)
        weight = 1 - _followed(motion, *alpha.shape) * (1 - weight)
        lost = _lost(before - alpha, (credit >= 1) & (trust_at(motion, *alpha.shape) > _TRUSTED))
        weight[lost] = 0
        self.steady = steady = np.asarray(before + new * weight, np.float32)
        np.clip(steady, 0, 1, out=steady)
        credit = np.where(lost, credit - 1, np.minimum(credit + weights.hold / _KNOWN, weights.hold))
        credit[steady <= 0.5] = 0
        self._kept[..., 0], self._kept[..., 1] = steady, credit


def _followed(motion: Motion, height: int, width: int) -> Field:
    """The trust that is left where motion tears, on a matte's grid."""
    rows, columns = motion.trust.shape
    # At half the size: the window is as wide, and costs a quarter.
    half = cv2.resize(motion.flow, ((columns + 1) // 2, (rows + 1) // 2), interpolation=cv2.INTER_AREA)
    flow = cv2.blur(half, (_TEAR_BLUR, _TEAR_BLUR))
    window = np.ones((_TEAR_WINDOW, _TEAR_WINDOW), np.uint8)
    across, down = cv2.split(cv2.dilate(flow, window) - cv2.erode(flow, window))
    whole = 1 - _ramp(np.maximum(across, down).astype(np.float32, copy=False), *_TEAR)
    whole = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    whole *= trust_at(motion, height, width)
    return whole


def _lost(missing: Alpha, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a part is missing that may be held: thick ones only, what is thin is an edge."""
    gone = (held & (missing > _MISSING)).view(np.uint8)
    return np.asarray(cv2.morphologyEx(gone, cv2.MORPH_OPEN, np.ones((_PART, _PART), np.uint8)), np.bool_)


def _ramp(values: Field, low: float, high: float) -> Field:
    """0 up to ``low``, 1 from ``high``."""
    return np.asarray(np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1), np.float32)


def _require_valid(draft: Draft, smoother: Smoother) -> None:
    alpha = draft.matte.alpha
    low, high = alpha.min(), alpha.max()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # also false for NaN
        smoother.reset()
        raise StageError(f"frame {draft.frame.index}: the matte to smooth runs from {low} to {high}, not within 0..1")
