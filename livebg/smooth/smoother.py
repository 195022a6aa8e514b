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

Source: exponential smoothing along DIS optical flow; weights and holding are ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np

from livebg.errors import StageError, UsageError
from livebg.frame import Alpha, Matte
from livebg.motion import Field, Motion, backwards, trust_at, warp
from livebg.stages import Draft

Strength = Literal["off", "light", "strong"]


@dataclass(frozen=True, slots=True)
class _Weights:
    """How much of the new matte enters where motion is fully trusted.

    Attributes:
        still: Where the picture stands still and the mattes agree.
        moved: Where it moved.
        apart: Where the mattes disagree entirely.
        hold: Frames that a missing part is kept.
    """

    still: float
    moved: float
    apart: float
    hold: int


_STRENGTHS = {
    "light": _Weights(still=0.2, moved=0.4, apart=0.4, hold=8),
    "strong": _Weights(still=0.08, moved=0.25, apart=0.2, hold=16),
}
_AGREE, _DISAGREE = 0.1, 0.6  # of alpha: between them ``still`` and ``moved`` give way to ``apart``
_KNOWN = 6  # frames
_PART = 5  # pixels of the coarse matte: thinner is an edge
_TRUSTED = 0.8


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
        """The oldest frame that waits, steadied by those after it."""
        draft, steady = self._waiting[0]
        after = self._after()
        self._waiting.popleft()
        if after is None:
            return replace(draft, matte=Matte(steady))
        later, trust = after
        # Half of each side's say, as far as the way back can be trusted.
        return replace(draft, matte=Matte(steady + (later - steady) * trust * np.float32(0.5)))

    def _after(self) -> tuple[Alpha, Field] | None:
        """What the frames after the oldest say of it, and how far to trust them; ``None`` where they cannot know."""
        assert self._weights is not None
        later: Alpha | None = None
        trust: Field | None = None
        for (_, _), (draft, _) in reversed(list(zip(self._waiting, list(self._waiting)[1:], strict=False))):
            alpha = draft.matte.alpha
            if later is not None and trust is not None and later.shape == alpha.shape:
                weight = 1 - trust * np.float32(1 - self._weights.moved)
                later = later + (alpha - later) * weight
            else:
                later = alpha
            if draft.motion is None or draft.motion.cut or draft.motion.onward is None:
                later = trust = None
                continue
            back = backwards(draft.motion)
            later, trust = warp(later, back), trust_at(back, *alpha.shape)
        if later is None or trust is None or later.shape != self._waiting[0][1].shape:
            return None
        return later, trust


class _Memory:
    """What is kept from frame to frame, all of the matte's size.

    Attributes:
        steady: The last steady matte; a new array each time, it is handed out.
    """

    def __init__(self, alpha: Alpha) -> None:
        self.steady = alpha
        self._known = (alpha > 0.5).astype(np.float32)  # frames since which the subject is there, up to _KNOWN
        self._missing = np.zeros_like(alpha)  # frames since which the score misses it

    def take(self, alpha: Alpha, motion: Motion, weights: _Weights) -> None:
        """One frame further."""
        height, width = alpha.shape
        trust = trust_at(motion, height, width)
        before = warp(self.steady, motion)
        known, missing = warp(self._known, motion), warp(self._missing, motion)
        apart = cv2.absdiff(alpha, before)
        apart = np.clip((apart - _AGREE) * np.float32(1 / (_DISAGREE - _AGREE)), 0, 1)
        still = _still_at(motion, height, width)
        weight = weights.moved + (weights.still - weights.moved) * still
        weight += (np.float32(weights.apart) - weight) * apart
        lost = self._lost(alpha, before, trust, known) & (missing < weights.hold)
        weight[lost] = 0
        weight = 1 - trust * (1 - weight)
        self.steady = before + (alpha - before) * weight
        np.clip(self.steady, 0, 1, out=self.steady)
        there = self.steady > 0.5
        self._known = np.where(there, np.minimum(known + 1, _KNOWN), 0).astype(np.float32)
        self._missing = np.where(lost, missing + 1, 0).astype(np.float32)

    @staticmethod
    def _lost(
        alpha: Alpha, before: Alpha, trust: Field, known: Alpha
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Where a part that was there is missing, though the picture is as it was."""
        gone = (before - alpha > 0.4) & (known > _KNOWN - 1) & (trust > _TRUSTED)
        part = cv2.morphologyEx(gone.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_PART, _PART), np.uint8))
        return np.asarray(part, np.bool_)


def _still_at(motion: Motion, height: int, width: int) -> Field:
    """1 where the picture stands still."""
    still = (np.abs(motion.flow[..., 0]) + np.abs(motion.flow[..., 1]) == 0).astype(np.float32)
    return np.asarray(cv2.resize(still, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _require_valid(draft: Draft, smoother: Smoother) -> None:
    alpha = draft.matte.alpha
    low, high = alpha.min(), alpha.max()
    if not (low >= 0 and high <= 1):  # also false for NaN
        smoother.reset()
        raise StageError(f"frame {draft.frame.index}: the matte to smooth runs from {low} to {high}, not within 0..1")
