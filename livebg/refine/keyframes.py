"""When a frame is worth refining."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

Reason = Literal["start", "cut", "matte", "motion", "time", "every"]
"""Why a frame became a keyframe.

``start``: nothing was refined since the beginning or ``reset()``; ``cut``: the scene is new; ``matte``: the subject is
not where the last keyframe's, carried here, is; ``motion``: the flow from there is not to be trusted; ``time``: the
last one is too long ago; ``every``: its turn has come.
"""

MOST_RESIDUAL = 0.35
"""How much the coarse matte may differ from the carried one, over the length of its edge in small pixels."""
LEAST_TRUST = 0.5
"""Mean trust in the flow along the edge."""


class Fit(NamedTuple):
    """How well a keyframe still fits the present frame.

    Attributes:
        residual: Sum of differences between the frame's own matte and the keyframe's, carried here, over the sum of
            the edge band; 0 where they are equal.
        trust: Mean trust in the motion since the keyframe along the edge, in [0, 1].
    """

    residual: float
    trust: float


class Keyframes:
    """Decides frame by frame, and counts why.

    A keyframe comes at the start and after a cut; otherwise, with ``every``, at each Nth frame; without, where the last
    one no longer fits, at most one in ``closest`` frames and at least one in ``seconds``.

    Args:
        every: Frames from one keyframe to the next; 0 where the picture asks for one.
        closest: Frames that lie between two keyframes at least where the picture asks; 1 or more.
        seconds: After so many seconds one is due in any case; more than 0.
        share: In live use, the share of the time that refining may take, in (0, 1]: after a keyframe that took 2 s, at
            0.5, none for 4 s from its start. ``None`` sets no budget.

    Attributes:
        reasons: How many keyframes came for each reason.

    Raises:
        ValueError: A number out of range.
    """

    def __init__(self, *, every: int = 0, closest: int = 10, seconds: float = 2.0, share: float | None = None) -> None:
        if every < 0 or closest < 1 or not seconds > 0 or not (share is None or 0 < share <= 1):
            raise ValueError(
                "every must be 0 or more, closest 1 or more, seconds more than 0 and share within 0..1, "
                f"got {every}, {closest}, {seconds} and {share}"
            )
        self.reasons: Counter[Reason] = Counter()
        self._every, self._closest, self._seconds, self._share = every, closest, seconds, share
        self._new: Reason | None = "start"
        self._frames = 0
        self._last: Fraction | None = None
        self._not_before: Fraction | float | None = None

    def reason(self, pts: Fraction, fit: Fit | None) -> Reason | None:
        """Whether this frame is to be refined, and why; not while the budget is spent. Asked once a frame, in order.

        Args:
            pts: Its time, seconds.
            fit: How well the last keyframe fits it; ``None`` where there is none.
        """
        self._frames += 1
        reason = self._new or self._asked(pts, fit)
        if reason is not None and self._not_before is not None and pts < self._not_before:
            return None
        return reason

    def made(self, pts: Fraction, reason: Reason) -> None:
        """A frame became a keyframe."""
        self.reasons[reason] += 1
        self._new, self._last, self._frames = None, pts, 0

    def spent(self, seconds: float) -> None:
        """What the last keyframe cost, for the budget; of one made before ``reset()`` it does not count."""
        if self._share is not None and self._last is not None:
            self._not_before = float(self._last) + seconds / self._share

    def cut(self) -> None:
        """The scene is new: the next frame that can be is a keyframe."""
        self._new = "cut"

    def reset(self) -> None:
        """Begin anew; counts stay. The budget goes: it is kept on a clock that may begin again (a camera reopened)."""
        self._new = "start"
        self._last = self._not_before = None

    def _asked(self, pts: Fraction, fit: Fit | None) -> Reason | None:
        if self._every:
            return "every" if self._frames >= self._every else None
        if self._frames < self._closest:
            return None
        if fit is not None and fit.trust < LEAST_TRUST:
            return "motion"
        if fit is not None and fit.residual > MOST_RESIDUAL:
            return "matte"
        if self._last is not None and pts - self._last >= self._seconds:
            return "time"
        return None
