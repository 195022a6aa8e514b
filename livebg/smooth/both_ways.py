"""Frames that wait for those after them, and are steadied by what follows as by what came before.

Two things are done with the frames ahead.

Where motion is whole, steady mattes of later frames are carried back: a fixed-lag smoother (Rauch, Tung and Striebel,
1965) over the causal average.

Where it tears, flow carries a matte wrongly, and the causal average, which only looks back, would come late; it takes
the new matte there, with all its flicker. An average over as many frames before as after, with equal weights, does not
come late however wrong the flow is: what is carried too far from one side is carried too far from the other. So pairs
of mattes as the network gave them, as far before as after, enter as far as *both* could be followed. Where one could
not (it is hidden before or after), neither does.

Why two pairs: on the talking heads the second takes half as much off dtSSD as the first, a third next to nothing. Why a
mean and not a median: of three mattes it takes thrice as much off (franck_0, people-nano, at refine none: 1.61 to 1.60
by the median, to 1.57 by the mean, to 1.54 by two pairs).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from livebg.flow import Field
from livebg.frame import Alpha, Matte
from livebg.motion import Motion, backwards, trust_at, warp
from livebg.stages import Draft

_PAIRS = 2
_HINDSIGHT = np.float32(0.7)  # how much the next frame's steady matte says of this one


@dataclass(slots=True)
class _Waiting:
    """A frame that waits; all planes float32 on its matte's grid.

    Attributes:
        draft: The frame.
        own: Its own matte.
        steady: Its causal average.
        steadied: The same, steadied by the frames that came since.
        whole: How far motion is whole around it, from before and onward.
        before: The last matte carried to it, and its trust; the one before that, and its trust.
        total: The sum of the average for where motion tears; with
        weight: the sum of its weights.
        onward: How it comes out of the next frame; ``None`` where that is not there or has nothing to do with it. With
        trust: how far that is trusted; and
        pull: how far its average follows the one carried back.
    """

    draft: Draft
    own: Alpha
    steady: Alpha
    steadied: Alpha
    whole: Field
    before: tuple[Alpha, Field, Alpha, Field]
    total: Field
    weight: Field
    onward: Motion | None = None
    trust: Field | None = None
    pull: Field | None = None


class BothWays:
    """A queue in which frames are steadied from both sides. What it holds besides is some planes a frame."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._still = self._moved = np.empty((0, 0, 4), np.float32)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, draft: Draft, steady: Alpha, own: Alpha, whole: Field | None) -> None:
        """One frame more, and what it says of those that wait.

        Args:
            draft: The newest frame.
            steady: Its causal average, float32 (h, w) in [0, 1].
            own: Its matte as it came, parts that are held put back; of the same size.
            whole: How far the motion to it is whole, of the same size, in [0, 1]; ``None`` where it begins anew.
        """
        motion, nothing, ones = draft.motion, np.zeros_like(own), np.ones_like(own)
        before = (own, nothing, own, nothing)
        if whole is not None and motion is not None and self._waiting:
            last = self._waiting[-1]
            before = self._carried((last.own, ones, *last.before[:2]), motion)
            here = trust_at(motion, *own.shape)
            for trust in before[1::2]:
                trust *= here
            np.minimum(last.whole, whole, out=last.whole)
            last.onward = backwards(motion)
            last.trust = trust_at(last.onward, *own.shape)
            last.pull = last.trust * last.whole
            last.pull *= _HINDSIGHT
        whole = ones if whole is None else whole.copy()
        newest = _Waiting(draft, own, steady, steady, whole, before, own.copy(), np.ones_like(own))
        self._tell(newest)
        self._waiting.append(newest)

    def take(self) -> Draft:
        """The oldest frame, steadied by all that came after it."""
        oldest = self._waiting.popleft()
        alpha = oldest.total
        alpha /= oldest.weight
        alpha += (oldest.steadied - alpha) * oldest.whole
        return replace(oldest.draft, matte=Matte(np.clip(alpha, 0, 1, out=alpha)))

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()

    def _tell(self, newest: _Waiting) -> None:
        """Carry the newest frame's mattes back, step by step, to each that waits."""
        alpha, steady, trust = newest.own, newest.steady, np.ones_like(newest.own)
        for away, each in enumerate(reversed(self._waiting)):
            if each.onward is None or each.trust is None or each.pull is None:
                return
            # OpenCV carries four planes faster than three.
            alpha, trust, steady, _ = self._carried((alpha, trust, steady, steady), each.onward)
            steady -= each.steady
            steady *= each.pull
            steady += each.steady
            each.steadied = steady
            if away < _PAIRS:
                trust *= each.trust
                partner, partners = islice(each.before, 2 * away, 2 * away + 2)
                both = np.minimum(trust, partners)
                each.weight += both
                each.weight += both
                both *= alpha + partner
                each.total += both

    def _carried(self, planes: tuple[Field, Field, Field, Field], motion: Motion) -> tuple[Field, Field, Field, Field]:
        """Four planes in one go."""
        shape = (*planes[0].shape, 4)
        if self._still.shape != shape:
            self._still, self._moved = np.empty(shape, np.float32), np.empty(shape, np.float32)
        cv2.merge(planes, self._still)
        moved = cv2.split(warp(self._still, motion, into=self._moved))
        first, second, third, fourth = (np.asarray(each, np.float32) for each in moved)
        return first, second, third, fourth
