"""When a frame is shown, where the container does not say it well.

Two repairs, each counted so that the source can tell the user once:

- ``Stretches`` joins a stream whose clock begins again (transport streams that were simply put one after the other).
  It works on packets, before decoding, and moves audio and video by the same amount, so that they stay together.
- ``Mender`` gives a time to a frame that has none, and a later one to a frame that is not after the frame before.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

# Decoding times never run backwards in a sound stream, so that much is a new beginning and not a rounding error.
RESTART = Fraction(1, 4)
# Frames that claim one moment share the step to the next one by halves, but not finer than this part of it.
FINEST = 256


class Stretches:
    """Moves packets so that each stretch begins where the one before ended.

    Every stream enters a new stretch by itself, at its own packet; the first to enter decides how far the stretch is
    moved, and the others follow by the same amount.
    """

    def __init__(self) -> None:
        self._moves = [Fraction(0)]
        self._entered: dict[int, int] = {}
        self._ends: dict[int, tuple[Fraction, Fraction]] = {}

    @property
    def joints(self) -> int:
        """How often the clock began again."""
        return len(self._moves) - 1

    def place(self, packet: Packet[Stream]) -> None:
        """Move a packet's times, in place, by what its stretch is moved."""
        index, clock = packet.stream_index, packet.time_base
        if packet.stream.type == "subtitle":  # sparse, and not always in order: they go with the rest
            stretch = self.joints
        elif packet.dts is None:  # a presentation time alone may well be before the last one's
            stretch = self._entered.get(index, 0)
        else:
            stretch = self._enter(index, packet.dts * clock, (packet.duration or 0) * clock)
        move = round(self._moves[stretch] / clock)
        if move:
            packet.pts = None if packet.pts is None else packet.pts + move
            packet.dts = None if packet.dts is None else packet.dts + move

    def _enter(self, index: int, time: Fraction, duration: Fraction) -> int:
        """The stretch that a packet at ``time`` of stream ``index`` is in."""
        stretch = self._entered.get(index, 0)
        last, end = self._ends.get(index, (time, time))
        if time < last - RESTART:
            if stretch == self.joints:
                self._moves.append(end + self._moves[stretch] - time)
            stretch += 1
        self._entered[index] = stretch
        self._ends[index] = time, time + duration
        return stretch


class Mender:
    """Makes times strictly increase.

    Attributes:
        missing: Frames that had no time.
        disordered: Frames that were not after the one before.
    """

    def __init__(self, step: Fraction) -> None:
        """``step`` is the usual distance of two frames, in seconds."""
        self.missing = 0
        self.disordered = 0
        self._step = step
        self._gap = step
        self._last: Fraction | None = None

    def mend(self, time: Fraction | None, duration: Fraction | None) -> Fraction:
        """The frame's own time where it can be kept.

        A frame without a time follows the last one by a step. A frame that is not after the last one follows it by
        half a step (the next such one by a quarter, ...), so that the frame after it keeps its own time.
        """
        last = self._last
        if last is None:
            self.missing += time is None
            mended = time or Fraction(0)
        elif time is None:
            self.missing += 1
            mended = last + self._step
        elif time <= last:
            self.disordered += 1
            self._gap = max(self._gap / 2, self._step / FINEST)
            mended = last + self._gap
        else:
            self._gap = self._step
            mended = time
        if duration:
            self._step = duration
        self._last = mended
        return mended
