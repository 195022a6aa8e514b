"""Mattes made steady over time, along the motion of the picture.

    steady = new * w + warp(steady before) * (1 - w)

An exponential average, but not of a pixel: of what is seen there, wherever it moves, so that it does not lag. The
weight ``w`` of the new matte is a pixel's own. It is least where the picture stands still and both mattes agree, higher
where it moves (each warp softens a little) and where they disagree by much, and 1 where the motion cannot be trusted:
what came into view, what turned too fast, everything after a cut.

Why a part that goes missing is held: a network loses a shoulder for a few frames while the picture there stays as it
was. So a part that was there for ``_KNOWN`` frames, is thick enough to be a part and not an edge, and vanishes where
motion is whole and trusted, is kept for at most ``hold`` frames. A person who leaves changes the picture: trust is 0
there, and the matte follows at once. Where motion tears nothing is held: flow carries a dancer's limb along with what
it uncovers, and holding that cost u2netp .023 of IoU on a walker and .025 on a dancer (DAVIS lucia, dance-twirl).

Why motion that tears is not trusted (``tears.py``): where flow is a bit of two motions, what it carries comes late.
There the new matte is taken, with the flicker it has: made-up subjects then lag by less than .05 frames from half a
pixel a frame on, and by up to .9 without. Looking ahead mends both flicker and slower lags (``both_ways.py``).

Source: exponential smoothing along DIS optical flow; weights and holding are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.errors import StageError, UsageError
from livebg.flow import Field
from livebg.frame import Alpha, Matte
from livebg.motion import Motion, trust_at, warp
from livebg.smooth.both_ways import BothWays
from livebg.smooth.tears import Tears
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
_WHOLE = 0.7  # of a part, in the mean
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
        self._waiting = BothWays()
        self._tears = Tears()
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
        memory, whole = self._memory, None
        if memory is None or motion is None or motion.cut or memory.steady.shape != alpha.shape:
            self._memory = memory = _Memory(alpha)
            self._tears = Tears()
        else:
            whole = self._tears.whole(motion, *alpha.shape)
            memory.take(alpha, motion, whole, self._weights)
        if not self._lookahead:
            return (replace(draft, matte=Matte(memory.steady)),)
        if whole is not None:
            whole = np.minimum(whole, self._tears.slowly_whole(*alpha.shape))
        self._waiting.add(draft, memory.steady, memory.own, whole)
        return (self._waiting.take(),) if len(self._waiting) > self._lookahead else ()

    def flush(self) -> Sequence[Draft]:
        """The frames held back, oldest first. What was remembered stays until ``reset()``."""
        return [self._waiting.take() for _ in range(len(self._waiting))]

    def reset(self) -> None:
        """Forget earlier frames, those held back too."""
        self._memory = None
        self._waiting.clear()


class _Memory:
    """What is kept from frame to frame, on the matte's grid and carried with it.

    Attributes:
        steady: The last steady matte; a new array each time, it is handed out.
        own: The last matte as it came, with the parts that it lost and that are held.
    """

    def __init__(self, alpha: Alpha) -> None:
        self.steady = self.own = alpha
        self._kept = np.zeros((*alpha.shape, 2), np.float32)  # the steady matte and the credit, carried as one picture
        self._kept[..., 0] = alpha
        self._carried = np.empty_like(self._kept)

    def take(self, alpha: Alpha, motion: Motion, whole: Field, weights: _Weights) -> None:
        """One frame further, where motion is so far ``whole``."""
        before, credit = cv2.split(warp(self._kept, motion, into=self._carried))
        trust = trust_at(motion, *alpha.shape)
        new = alpha - before
        # What is kept of the old matte: all but ``near`` where they agree, less where they do not.
        kept = _ramp(np.abs(new), *_APART)
        kept *= np.float32(weights.near - weights.apart)
        kept += np.float32(1 - weights.near)
        kept *= whole
        kept *= trust
        lost = _lost(new, (credit >= 1) & (trust > _TRUSTED), whole)
        left = None
        self.own = alpha
        if lost is not None:
            kept[lost] = 1
            left = credit[lost] - 1
            self.own = np.where(lost, before, alpha)
        kept *= new
        self.steady = steady = np.asarray(alpha - kept, np.float32)
        np.clip(steady, 0, 1, out=steady)
        credit += np.float32(weights.hold / _KNOWN)
        np.minimum(credit, np.float32(weights.hold), out=credit)
        if lost is not None:
            credit[lost] = left
        credit *= steady > 0.5
        self._kept[..., 0], self._kept[..., 1] = steady, credit


def _lost(new: Alpha, held: NDArray[np.bool_], whole: Field) -> NDArray[np.bool_] | None:
    """Where a part is missing that may be held; ``None`` where none is.

    Thick ones only, what is thin is an edge; and only such as lie where motion is whole in the mean.
    """
    held &= new < -_MISSING
    if not held.any():
        return None
    opened = cv2.morphologyEx(held.view(np.uint8), cv2.MORPH_OPEN, np.ones((_PART, _PART), np.uint8))
    count, parts = cv2.connectedComponents(opened)
    if count == 1:
        return None
    share = np.bincount(parts.ravel(), whole.ravel(), count) / np.bincount(parts.ravel(), minlength=count)
    stays = share > _WHOLE
    stays[0] = False  # all that is no part
    return np.asarray(stays[parts], np.bool_) if stays.any() else None


def _ramp(values: Field, low: float, high: float) -> Field:
    """0 up to ``low``, 1 from ``high``."""
    values = values - np.float32(low)
    values *= np.float32(1 / (high - low))
    return np.asarray(np.clip(values, 0, 1, out=values), np.float32)


def _require_valid(draft: Draft, smoother: Smoother) -> None:
    alpha = draft.matte.alpha
    low, high = alpha.min(), alpha.max()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # also false for NaN
        smoother.reset()
        raise StageError(f"frame {draft.frame.index}: the matte to smooth runs from {low} to {high}, not within 0..1")
