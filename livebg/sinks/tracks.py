"""One audio or subtitle stream's way into the output: copied, encoded anew, or text in another format."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

    AnyPacket = Packet[Stream]

_MILLISECOND = Fraction(1, 1000)
_EMPTY_TEXT = b"\0\0"
# A gap longer than this becomes silence: sound so much early is noticed (ITU-R BT.1359, 45 ms).
_IN_TIME = {"async": "1", "min_hard_comp": "0.04"}
# An overlap is cut from here on only: late is noticed later (125 ms), and where a program stamps packets in lumps, as
# they come, all but the first of each are early. What is cut of them would be silence before the next lump.
_OVERLAP = Fraction(1, 10)
_BITS_A_CHANNEL = {"aac": 96_000, "libopus": 64_000}


class Track(Protocol):
    """One input stream's way into the output.

    Attributes:
        damaged: How many packets could not be decoded, and are left out.
    """

    damaged: int

    @property
    def out(self) -> Stream:
        """The output stream."""

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """Packets for the output out of one of the input."""

    def flush(self) -> Sequence[AnyPacket]:
        """What is held back."""


class CopyTrack:
    """Packets as they are."""

    damaged = 0  # what is not decoded is not known to be

    def __init__(self, out: Stream) -> None:
        self.out = out
        # MP4 says «nothing» between two lines; its muxer says that by itself.
        self._has_gaps = out.codec_context.name == "mov_text"

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """The packet itself, unless there is nothing in it."""
        empty = not packet.size or (self._has_gaps and bytes(packet) == _EMPTY_TEXT)
        return [] if empty else [packet]

    def flush(self) -> Sequence[AnyPacket]:
        """Nothing is held back."""
        return []


class AudioTrack:
    """Decoded and encoded anew; gaps become silence so that sound and picture stay together."""

    def __init__(self, container: OutputContainer, stream: AudioStream, encoder: str) -> None:
        self._stream = stream
        source = stream.codec_context
        rates = av.Codec(encoder, "w").audio_rates or []
        rate = source.sample_rate if source.sample_rate in rates else 48_000
        out = container.add_stream(encoder, rate=rate)
        assert isinstance(out, AudioStream)
        channels = source.channels
        layout = {1: "mono", 6: "5.1"}.get(channels, "stereo" if channels < 6 else "5.1")
        context = out.codec_context
        context.layout = layout
        context.bit_rate = _BITS_A_CHANNEL[encoder] * context.channels
        context.time_base = Fraction(1, rate)
        self.out = out
        self.damaged = 0
        self._next: Fraction | None = None  # when the sound so far ends, in seconds
        self.mixed = None if context.channels == channels else f"{channels} channels mixed to {layout}"
        self._resampler = AudioResampler(context.format, layout, rate, options=_IN_TIME)

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """Packets of the new codec, of a size of its own."""
        return self._decode(packet) if packet.size else []

    def flush(self) -> Sequence[AnyPacket]:
        """What decoder, resampler and encoder hold."""
        return [*self._decode(None), *self._encode(None), *self.out.encode(None)]

    def _decode(self, packet: AnyPacket | None) -> list[AnyPacket]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.FFmpegError:  # the gap becomes silence, as any other
            self.damaged += 1
            return []
        return [made for frame in frames for made in self._encode(self._placed(frame))]

    def _placed(self, frame: AudioFrame) -> AudioFrame:
        """Right behind the one before it, where it overlaps that by little."""
        clock, begins = frame.time_base, self._next
        if frame.pts is not None and clock is not None:
            begins = frame.pts * clock
            if self._next is not None and 0 < self._next - begins < _OVERLAP:
                begins = self._next
                frame.pts = round(begins / clock)
        self._next = None if begins is None else begins + Fraction(frame.samples, frame.sample_rate)
        return frame

    def _encode(self, frame: AudioFrame | None) -> list[AnyPacket]:
        return [packet for each in self._resampler.resample(frame) for packet in self.out.encode(each)]


class TextTrack:
    """Subtitles of one text format in another, by way of ASS."""

    def __init__(self, container: OutputContainer, stream: SubtitleStream, encoder: str) -> None:
        self._stream = stream
        stream.codec_context.open(strict=False)  # fills in the header that the encoder needs
        out = container.add_stream(encoder)
        assert isinstance(out, SubtitleStream)
        out.codec_context.subtitle_header = stream.codec_context.subtitle_header
        out.codec_context.time_base = _MILLISECOND
        self.out = out
        self.damaged = 0

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """One packet with the text, at the same time for as long."""
        try:
            shown = self._stream.codec_context.decode2(packet) if packet.size else None
        except av.FFmpegError:  # it is no UTF-8, or cut off
            self.damaged += 1
            return []
        lines = [each.ass for each in shown.rects if isinstance(each, AssSubtitle)] if shown else []
        if not lines or packet.pts is None:
            return []
        # An event is eight fields and the text, with commas between.
        text = b"\\N".join([lines[0], *(line.split(b",", 8)[-1] for line in lines[1:])])
        start = round(packet.pts * packet.time_base / _MILLISECOND)
        length = round((packet.duration or 0) * packet.time_base / _MILLISECOND)
        made = self.out.codec_context.encode_subtitle(SubtitleSet.create(text, start=0, end=length, pts=start))
        made.time_base, made.pts, made.dts, made.duration = _MILLISECOND, start, start, length
        return [made]

    def flush(self) -> Sequence[AnyPacket]:
        """Nothing is held back."""
        return []
