"""Audio and subtitles on their way past the pipeline."""

from __future__ import annotations

from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.packet import Packet
    from av.stream import Stream

# Seconds before the beginning from which decoders still want packets that nobody hears; what an edit list hides before
# that was cut away, and a container without edit lists would bring it back.
PRIMING = Fraction(1, 10)


class SidePackets:
    """The packets that the reading thread met and the writing thread has not taken yet (``stages.SideStreams``).

    What is held is bounded by how far the source reads ahead of the sink, as long as somebody takes; whoever has no
    use for them opens the source with ``side=False``, and they are not even read. A packet's ``stream`` points into the
    source's container: it must not be touched once the source is closed.

    Attributes:
        streams: The input streams, in the container's order.
        untimed: Packets dropped because nothing says when they sound.
        strict: The input's name, where damage is an error.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        zero: Fraction,
        trim: bool = False,
        end: Fraction | None = None,
        strict: str | None = None,
    ) -> None:
        """Where the stream is cut.

        Args:
            streams: The input streams.
            zero: What becomes 0, in seconds of the container's clock.
            trim: Drop what is over before ``zero``; else it keeps its negative time (an encoder's priming).
            end: Seconds after ``zero`` from which on packets are dropped.
            strict: The input's name, where damage is an error.
        """
        self.strict = strict
        self.streams: Sequence[Stream] = tuple(streams)
        self.untimed = 0
        self._zero, self._trim, self._end = zero, trim, end
        self._packets: list[Packet[Stream]] = []
        self._lock = Lock()

    def put(self, packet: Packet[Stream]) -> Fraction | None:
        """Shift a packet to the beginning and keep it, unless it is cut off.

        Returns:
            Its time after the beginning, in seconds; ``None`` where it has none.
        """
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            self.untimed += 1
            return None
        clock = packet.time_base
        time = stamp * clock - self._zero
        end = time + (packet.duration or 0) * clock
        over = self._trim and time < 0 and end <= 0
        hidden = packet.is_discard and end < -PRIMING
        if not over and not hidden and not self.is_past_end(time):
            shift = round(self._zero / clock)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            if packet.stream.type == "subtitle":
                self._cut_line(packet, end)
            with self._lock:
                self._packets.append(packet)
        return time

    def _cut_line(self, packet: Packet[Stream], end: Fraction) -> None:
        """Let a line of text that lasts across a cut begin, or end, there; unlike sound it can be cut anywhere."""
        clock = packet.time_base
        last = end if self._end is None else min(end, self._end)
        if self._trim and packet.pts is not None and packet.pts < 0:
            packet.pts = packet.dts = 0
        if packet.duration and packet.pts is not None:
            packet.duration = round(last / clock) - packet.pts

    def is_past_end(self, time: Fraction) -> bool:
        """Whether a packet at ``time`` is cut off at the end, as is all that follows it in its stream."""
        return self._end is not None and time >= self._end

    def take(self) -> list[Packet[Stream]]:
        """Packets met since the last call, in the container's order."""
        with self._lock:
            taken, self._packets = self._packets, []
        return taken
