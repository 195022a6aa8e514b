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
# How many seconds of one stream wait for another that may have ended for good; files store them less far apart.
PATIENCE = Fraction(2)
# Frames that claim one moment share the step to the next one by halves, but not finer than this part of it.
FINEST = 256


class Stretches:
    """Moves packets so that each stretch begins where the one before ended.

    Every stream enters a new stretch by itself, at its own packet. What has entered waits until all have, for only then
    is it known by how much: the least that lets no stream run into its own end. All are moved by that one amount.
    """

    def __init__(self) -> None:
        self._moves = [Fraction(0)]
        self._entered: dict[int, int] = {}
        self._decoded: dict[int, Fraction] = {}
        self._ends: dict[int, Fraction] = {}
        # Of the streams that wait: where they ended, moved, and where they begin again.
        self._joining: dict[int, tuple[Fraction, Fraction]] = {}
        self._waiting: list[Packet[Stream]] = []

    @property
    def joints(self) -> int:
        """How often the clock began again."""
        return len(self._moves) - 1

    def place(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Take a packet, whose times are moved in place; one without data says that no more come.

        Returns:
            The packets whose place is known by now, in the order in which they came.
        """
        if not packet.size:
            return [*self._join(), packet]
        index, ready = packet.stream_index, []
        if packet.stream.type == "subtitle":  # sparse, and not always in order: they go with the rest
            stretch = self.joints + bool(self._joining)
        elif packet.dts is None:  # a presentation time alone may well be before the last one's
            stretch = self._entered.get(index, 0)
        else:
            if self._begins_again(packet) and self._entered.get(index, 0) > self.joints:
                ready = self._join()
            stretch = self._enter(packet)
        if stretch <= self.joints:
            return [*ready, _moved(packet, self._moves[stretch])]
        self._waiting.append(packet)
        if self._joining.keys() >= self._decoded.keys() or self._has_waited(packet):
            ready += self._join()
        return ready

    def _begins_again(self, packet: Packet[Stream]) -> bool:
        last = self._decoded.get(packet.stream_index)
        return last is not None and packet.dts is not None and packet.dts * packet.time_base < last - RESTART

    def _enter(self, packet: Packet[Stream]) -> int:
        """The stretch that a packet with a decoding time is in."""
        index, time, shown = packet.stream_index, (packet.dts or 0) * packet.time_base, _shown(packet)
        stretch = self._entered.get(index, 0)
        length = (packet.duration or 0) * packet.time_base
        if self._begins_again(packet):
            stretch += 1
            if stretch > self.joints:
                self._joining[index] = self._ends[index] + self._moves[stretch - 1], shown
            self._ends[index] = shown + length
        else:
            # Transport streams rarely say how long a picture is shown: as long as the one before it.
            length = length or max(time - self._decoded.get(index, time), Fraction(0))
            self._ends[index] = max(self._ends.get(index, shown), shown + length)
        self._entered[index], self._decoded[index] = stretch, time
        return stretch

    def _has_waited(self, packet: Packet[Stream]) -> bool:
        joining = self._joining.get(packet.stream_index)
        return joining is not None and _shown(packet) > joining[1] + PATIENCE

    def _join(self) -> list[Packet[Stream]]:
        """End the wait: what waited, moved."""
        if not self._joining:
            return []
        move = max(end - begin for end, begin in self._joining.values())
        self._moves.append(move)
        self._joining.clear()
        waited, self._waiting = self._waiting, []
        return [_moved(packet, move) for packet in waited]


def _shown(packet: Packet[Stream]) -> Fraction:
    stamp = packet.dts if packet.pts is None else packet.pts
    return (stamp or 0) * packet.time_base


def _moved(packet: Packet[Stream], move: Fraction) -> Packet[Stream]:
    ticks = round(move / packet.time_base)
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
    return packet


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
