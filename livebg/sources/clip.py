"""One pass over a container: its video decoded, the packets beside it put aside.

What is lost on the way is counted here, because a damaged file rarely says so: a truncated mp4 simply ends.
"""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush
from math import floor
from typing import TYPE_CHECKING

import av
from av.stream import Discard

from livebg.errors import SourceError
from livebg.sources.container import PIPE_CURE, Pipe, open_container, reason
from livebg.sources.decoding import Decoder, choose_video
from livebg.sources.side import SidePackets
from livebg.sources.tags import drop_places, find_timecode
from livebg.sources.times import Mender, Stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MICROSECOND = Fraction(1, 1_000_000)
# How far behind its video a file may store audio and still have it up to the end that was asked for.
INTERLEAVING = Fraction(10)


class Clip:
    """An open container and its one video stream.

    Attributes:
        container: FFmpeg's.
        name: What messages call it.
        video: The stream that is decoded.
        rate: Average frames a second; 25 where nothing is said.
        zero: The container's beginning, in seconds of its own clock; ``frames()`` counts from it.
        side: Where audio and subtitle packets go; ``None`` where there are none or nobody wants them.
        mender: Counts the times that were mended.
        stretches: Counts how often the clock began again.
        damaged: Packets and frames that are marked as damaged or could not be decoded.
        drops_alpha: The video has alpha that this FFmpeg cannot decode.
        places: Tags that told where it was taken; they are gone from the container's and the side streams'.
        left_out: The streams that are neither decoded nor put aside, in words.
        lost: What is missing, once all is read, as far as the header says how much there should be.
    """

    def __init__(
        self, path: str | Pipe, *, start: Fraction | None, end: Fraction | None, side: bool, strict: bool
    ) -> None:
        """Open; ``start`` and ``end`` cut the side packets, ``end`` also the frames. See ``open_source``.

        Raises:
            SourceError: The file cannot be opened or has no video stream.
        """
        self.container = open_container(path)
        self.name = path.name if isinstance(path, Pipe) else path
        self._path = path
        try:
            self.video = choose_video(self.container, self.name)
            self.zero = _beginning(self.container)
            self.side = self._choose_side(start, end, strict=strict) if side else None
        except BaseException:
            self.close()
            raise
        self.timecode = find_timecode(self.video.metadata, self.container.metadata)
        self.left_out = _left_out(self.container, self.video, known=self.timecode)
        kept = [self.video, *(self.side.streams if self.side else ())]
        for stream in self.container.streams:
            stream.discard = Discard.default if stream in kept else Discard.all
        self._decoder = Decoder(self.video)
        self.drops_alpha = self._decoder.drops_alpha
        told = [self.container.metadata, *(stream.metadata for stream in (self.side.streams if self.side else ()))]
        self.places = list(dict.fromkeys(place for tags in told for place in drop_places(tags)))
        self.rate = self.video.average_rate or self.video.guessed_rate or Fraction(25)
        self.mender = Mender(1 / self.rate)
        self.stretches = Stretches()
        self.damaged = 0
        self.lost: str | None = None
        self._stopped: str | None = None
        self._kept, self._end, self._strict = kept, end, strict
        self._jumped = False
        self._is_avi = self.container.format.name == "avi"
        self._is_mov = self.container.format.name.startswith("mov")
        self._packets_read = 0
        self._first_dts: int | None = None
        self._last: Fraction | None = None

    @property
    def clock(self) -> Fraction:
        """Seconds a tick of the video stream."""
        return self.video.time_base or MICROSECOND

    def jump(self, time: Fraction) -> bool:
        """Go to the last keyframe at or before a time after the beginning; whether the container can."""
        try:
            self.container.seek(floor((time + self.zero) / self.clock), stream=self.video)
        except av.FFmpegError:
            return False
        self._decoder.restart()
        self._jumped = True
        return True

    def frames(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        """Decoded frames with their times, mended, from the container's beginning, up to the end asked for.

        Every side packet up to there has been put aside when this ends.

        Raises:
            SourceError: No frame decodes; with ``strict``, anything is lost.
        """
        packets = self._packets()
        slots: list[int] = []
        for packet in packets:
            if packet.stream is not self.video:
                self._put_aside(packet)
                continue
            # AVI numbers its packets in the order of decoding and says nothing of showing: the n-th picture shown takes
            # the n-th number. The times that FFmpeg makes up put pictures that are stored ahead too late.
            if self._is_avi and packet.size and packet.dts is not None:
                heappush(slots, packet.dts)
            pictures = self._decode(packet)
            if pictures is None and slots:
                heappop(slots)  # of the picture that never comes; decoding threads say so packets later
            for picture in pictures or ():
                duration = (picture.duration or 0) * self.clock
                ticks = heappop(slots) if slots else picture.pts
                stamp = None if ticks is None else ticks * self.clock - self.zero
                time = self.mender.mend(stamp, duration)
                self._last = time + duration
                if self._end is not None and time >= self._end:
                    self._read_side_to_end(packets)
                    return
                yield time, picture
        if self._last is None:
            if self._jumped:
                return
            cure = PIPE_CURE if isinstance(self._path, Pipe) else "copy it again"
            raise SourceError(f"{self.name} has a video stream, but no frame of it can be decoded: {cure}")
        self.lost = self._missing()
        if self._strict and self.lost:
            raise SourceError(f"{self.name}: {self.lost}")

    def expected_frames(self) -> int | None:
        """How many frames the header or index promises for the whole clip."""
        shown = sum(not entry.is_discard for entry in self.video.index_entries) if self._is_mov else 0
        return shown or self.video.frames or None

    def close(self) -> None:
        """Give the file back; once, and not while another thread reads."""
        self.container.close()

    def _packets(self) -> Iterator[Packet[Stream]]:
        """The packets of all kept streams, each in its place in time; an empty one ends a stream."""
        try:
            for packet in self.container.demux(self._kept):
                if not packet.size and packet.dts is not None:
                    continue  # an AVI's placeholder for a frame that was dropped when recording
                if packet.stream is self.video and packet.size:
                    self._packets_read += 1
                    self._first_dts = packet.dts if self._first_dts is None else self._first_dts
                    if packet.is_corrupt:
                        self._count_damage("a packet is marked as damaged")
                yield from self.stretches.place(packet)
        except av.FFmpegError as error:
            self._stopped = reason(self._path, error)
            if self._strict:
                raise SourceError(self._stopped) from error
        except IndexError:
            # PyAV 18, having read all, looks for a stream that appeared on the way and that it does not know.
            self.left_out = ", ".join(filter(None, (self.left_out, "a stream that begins in the middle")))
        else:
            return
        # The decoder still holds pictures. A packet without data asks for them.
        flush: Packet[Stream] = av.Packet()
        flush.stream = self.video
        yield from self.stretches.place(flush)

    def _decode(self, packet: Packet[Stream]) -> list[VideoFrame] | None:
        """The pictures that a packet completes; ``None`` where it does not decode."""
        try:
            pictures = self._decoder.decode(packet)
        except av.FFmpegError as error:
            self._count_damage(error.strerror or str(error))
            return None
        for picture in pictures:
            if picture.is_corrupt:
                self._count_damage("a frame is marked as damaged")
        return pictures

    def _count_damage(self, what: str) -> None:
        self.damaged += 1
        if self._strict:
            raise SourceError(f"{self.name} is damaged: {what}")

    def _put_aside(self, packet: Packet[Stream]) -> Fraction | None:
        return self.side.put(packet) if self.side is not None and packet.size else None

    def _read_side_to_end(self, packets: Iterator[Packet[Stream]]) -> None:
        """Audio may be stored behind the pictures that it sounds with: go on until each stream has reached the end."""
        if self.side is None or self._end is None:
            return
        waiting = [stream for stream in self.side.streams if stream.type == "audio"]
        for packet in packets:
            if not waiting:
                return
            if packet.stream is self.video:
                stamp = packet.pts if packet.dts is None else packet.dts
                if stamp is None or stamp * packet.time_base - self.zero > self._end + INTERLEAVING:
                    return
            else:
                time = self._put_aside(packet)
                if time is not None and self.side.is_past_end(time):
                    waiting = [stream for stream in waiting if stream is not packet.stream]

    def _choose_side(self, start: Fraction | None, end: Fraction | None, *, strict: bool) -> SidePackets | None:
        streams = [each for each in self.container.streams if each.type in ("audio", "subtitle") and each.codec_context]
        if not streams:
            return None
        length = None if end is None else end - (start or 0)
        name = self.name if strict else None
        return SidePackets(streams, zero=self.zero + (start or 0), trim=start is not None, end=length, strict=name)

    def _missing(self) -> str | None:
        missing = None
        if self._is_avi or self.container.format.name.startswith("matroska"):
            # An AVI's header counts placeholders too, which are not read: it promises a length, not frames.
            promised = self.video.frames * self.clock if self._is_avi else promised_seconds(self.video)
            if promised is not None and self._last is not None and not self.stretches.joints:
                seconds = float(promised - self.zero - self._last)
                missing = f"the last {seconds:.2f} s are missing" if seconds * self.rate > 2 else None
        else:
            promised_packets = self._promised_packets()
            if promised_packets > self._packets_read:
                missing = f"{promised_packets - self._packets_read} of {promised_packets} frames are missing"
        if missing:
            return f"{missing}: the file is cut off or damaged, copy it again"
        return f"reading stopped early: {self._stopped}" if self._stopped else None

    def _promised_packets(self) -> int:
        if self._is_mov:
            # The index and not the header's count, which includes what an edit list leaves out.
            entries = self.video.index_entries
            if not self._jumped or self._first_dts is None:
                return len(entries)
            return len(entries) - max(0, entries.search_timestamp(self._first_dts, any_frame=True))
        return 0 if self._jumped else self.video.frames


def _left_out(container: InputContainer, video: VideoStream, *, known: str | None) -> str:
    """Streams that are neither decoded nor put aside; that of a timecode which is known is not lost."""
    named = {
        "video": "a second video or cover picture", "timecode": "the timecode", "data": "a data track",
        "attachment": "an attachment",
    }  # fmt: skip
    chapters = bool(container.chapters())
    others = [
        stream
        for stream in container.streams
        if stream is not video and not (chapters and stream.name == "bin_data")  # QuickTime keeps chapters in a track
    ]
    kinds = ["timecode" if each.type == "data" and "timecode" in each.metadata else each.type for each in others]
    counts = {text: kinds.count(kind) for kind, text in named.items() if kind != "timecode" or known is None}
    return ", ".join(f"{text} ({count})" if count > 1 else text for text, count in counts.items() if count)


def _beginning(container: InputContainer) -> Fraction:
    """The container's start time, exact: FFmpeg rounds the earliest stream's to microseconds."""
    if container.start_time is None:
        return Fraction(0)
    rounded = container.start_time * MICROSECOND
    exact = [
        stream.start_time * stream.time_base
        for stream in container.streams
        if stream.start_time is not None and stream.time_base
    ]
    return min((each for each in exact if abs(each - rounded) <= MICROSECOND), default=rounded)


def promised_seconds(video: VideoStream) -> Fraction | None:
    """The end of a Matroska stream on the container's clock, from its statistics tag (HH:MM:SS.fraction)."""
    text = next((value for key, value in video.metadata.items() if key.upper().startswith("DURATION")), None)
    if text is None:
        return None
    try:
        hours, minutes, seconds = text.split(":")
        return Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
