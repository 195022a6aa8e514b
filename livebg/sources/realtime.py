"""A clip in place of a camera: played in real time, and again from the beginning at its end.

Why a frame's picture is made when it is due and not before: a camera's picture cannot be had ahead of time either, and
a latency measured with a clip should hold for a camera.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from fractions import Fraction
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from livebg.errors import SourceError
from livebg.frame import StreamInfo
from livebg.scale import fit_into
from livebg.sources.clip import Clip
from livebg.sources.live import LiveSource, Shot
from livebg.sources.pixels import Converter
from livebg.sources.times import Mender, Stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

    from livebg.sources.side import SidePackets

# Seconds behind its clock from which on playing does not hurry after it any more, but goes on from there.
HOPELESS = 1.0
# Seconds of sound that wait for whoever takes it: more than any sink stands still, and little memory where a recording
# was given up and nobody takes any more.
_UNTAKEN = 30


class RealtimeSource(LiveSource):
    """A clip's frames, each at its time. One that is up to a second late comes at once, with the time it was due.

    Where wanted, ``info.side`` has the clip's audio, on the clock of ``Frame.pts`` through all repetitions. Sound that
    lasts longer than the picture is cut at each repetition, where it is shorter there is silence.
    """

    def __init__(
        self, path: str, *, size: tuple[int, int] | None = None, loop: bool = True, side: bool = False
    ) -> None:
        """Open it.

        Args:
            path: A clip.
            size: Width and height that frames are filled to; ``None`` leaves the clip's own.
            loop: Begin again at the end.
            side: Keep audio for a sink, which must then take it.

        Raises:
            SourceError: It cannot be read or has no frame.
        """
        self._clip = Clip(path, start=None, end=None, side=side, strict=False)
        try:
            self._frames = self._clip.frames()
            self._first: tuple[Fraction, VideoFrame] | None = next(self._frames)  # raises where nothing decodes
            self._converter = Converter(self._first[1])
        except BaseException:
            self._clip.close()
            raise
        width, height = size or (self._converter.width, self._converter.height)
        self._side = None if self._clip.side is None else RepeatedSide(self._clip.side)
        info = StreamInfo(
            name=path,
            width=width,
            height=height,
            time_base=self._clip.clock,
            rate=self._clip.rate,
            live=True,
            colour=self._converter.colour,
        )
        super().__init__(info if self._side is None else replace(info, side=self._side))
        self._loop = loop
        self._offset = -self._first[0]
        self._end = Fraction(0)
        self._late = 0
        self._repetitions = 0

    @property
    def notes(self) -> Sequence[str]:
        """What could not be decoded or shown in time."""
        said = (
            (self._clip.damaged, f"damaged packets or frames ({self._clip.damaged})"),
            (self._late, f"reading could not keep up with real time ({self._late}x): it stood still meanwhile"),
        )
        return [f"{self.info.name}: {note}" for happened, note in said if happened]

    def _shoot(self) -> Shot | None:
        timed = self._next()
        if timed is None:
            return None
        time, picture = timed
        now = monotonic()
        if not self._started:
            self._started = now
        late = now - self._started - float(time + self._offset)
        if late > HOPELESS:
            self._late += 1
            self._offset += round(late * self._clip.rate) / self._clip.rate  # the sound's too: it has this clock
        pts = time + self._offset
        duration = Fraction(picture.duration or 0) * self._clip.clock or 1 / self._clip.rate
        self._end = pts + duration
        if self._side is not None:
            self._side.collect(self._offset)
        if self._closing.wait(max(0.0, self._started + float(pts) - now)):
            return None
        image = fit_into(self._converter.to_rgb(picture), self.info.width, self.info.height, "cover")
        return Shot(image, pts, duration)

    def _next(self) -> tuple[Fraction, VideoFrame] | None:
        """The next decoded frame, of the next repetition where this one is over; ``None`` at the end."""
        first, self._first = self._first, None
        timed = first or next(self._frames, None)
        if timed is not None:
            return timed
        if not self._loop:
            self._ended = True
            return None
        if self._side is not None:
            self._side.cut(self._end)
        if not self._clip.jump(Fraction(0)):
            raise SourceError(f"{self.info.name} cannot be played again from its beginning: convert it to mp4 or mkv")
        # Each repetition is a stretch of its own, placed by the offset here and not by what times seem to say.
        self._clip.stretches, self._clip.mender = Stretches(), Mender(1 / self._clip.rate)
        self._frames = self._clip.frames()
        timed = next(self._frames, None)
        if timed is None:
            raise SourceError(f"{self.info.name} has no frame any more: the file changed while it was played")
        self._repetitions += 1
        self._offset = self._end - timed[0]
        return timed

    def _release(self) -> None:
        self._clip.close()


class RepeatedSide:
    """A clip's side packets on a clock that goes on through its repetitions (``stages.SideStreams``).

    Written by the thread that reads and taken by the one that writes.
    """

    def __init__(self, side: SidePackets) -> None:
        self._side = side
        self._packets: deque[Packet[Stream]] = deque()
        self._lock = Lock()
        self._ends: dict[int, Fraction] = {}

    @property
    def streams(self) -> Sequence[Stream]:
        """The input streams, in the container's order."""
        return self._side.streams

    @property
    def strict(self) -> str | None:
        """The input's name, where damage is an error."""
        return self._side.strict

    def take(self) -> list[Packet[Stream]]:
        """Packets met since the last call, of the last 30 s, in order.

        Those of one stream do not overlap, except that the last of a repetition may sound into the next.
        """
        with self._lock:
            taken, self._packets = self._packets, deque()
        return list(taken)

    def collect(self, offset: Fraction) -> None:
        """Put aside what was met, moved by ``offset`` seconds."""
        met = self._side.take()
        with self._lock:
            self._packets += (packet for packet in met if self._place(packet, offset))
            while self._packets and _start(self._packets[0]) < _start(self._packets[-1]) - _UNTAKEN:
                self._packets.popleft()

    def cut(self, end: Fraction) -> None:
        """Drop what begins at or after the end of the picture: the next repetition's sound takes its place."""
        with self._lock:
            self._packets = deque(packet for packet in self._packets if _start(packet) < end)
        self._ends = {index: min(last, end) for index, last in self._ends.items()}

    def _place(self, packet: Packet[Stream], offset: Fraction) -> bool:
        """Move a packet; whether it begins after the last one of its stream has ended."""
        shift = round(offset / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        start, index = _start(packet), packet.stream_index
        last = self._ends.get(index)
        if last is not None and start < last - packet.time_base:
            return False
        self._ends[index] = start + (packet.duration or 0) * packet.time_base
        return True


def _start(packet: Packet[Stream]) -> Fraction:
    stamp = packet.dts if packet.pts is None else packet.pts
    return (stamp or 0) * packet.time_base
