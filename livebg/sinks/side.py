"""Audio and subtitles on their way into the output: copied where the container takes them, encoded anew where not.

Why times before zero need care: an AAC or MP3 stream begins with a packet that only primes the decoder, at a time
below 0. In MP4 an edit list hides it. Matroska stores it as it is, if the muxer is kept from moving everything (the
picture too) so that the first time is 0. WebM's readers refuse negative times, so there only what Opus declares as
its delay may be below.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

    from livebg.stages import SideStreams

    AnyPacket = Packet[Stream]

_MILLISECOND = Fraction(1, 1000)
_TEXT_SUB = 1 << 17  # AV_CODEC_PROP_TEXT_SUB: subtitles that are text, not pictures
# What FFmpeg's muxer would begin but players do not know (Vorbis), or cannot end (PCM without a named layout).
_REFUSED = {"mp4": ("vorbis", "pcm_")}
_EMPTY_TEXT = b"\0\0"
_AUDIO_ENCODER = {"webm": "libopus"}
_TEXT_ENCODER = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_BITS_A_CHANNEL = {"aac": 96_000, "libopus": 64_000}
_SPOKEN = {"libopus": "Opus", "aac": "AAC", "mov_text": "MP4 text", "subrip": "SubRip", "webvtt": "WebVTT"}
# Container-made tags that would be wrong in the copy.
_STALE_TAGS = {"duration", "number_of_frames", "number_of_bytes", "bps", "vendor_id", "encoder"}


class Track(Protocol):
    """One input stream's way into the output."""

    @property
    def out(self) -> Stream:
        """The output stream."""

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """Packets for the output out of one of the input."""

    def flush(self) -> Sequence[AnyPacket]:
        """What is held back."""


class SideTracks:
    """Every audio and subtitle stream of the input, in order, and the packets that wait for the picture.

    Args:
        container: The output, before its header.
        side: Where packets come from.
        suffix: What the notes call the container.

    Attributes:
        began: Per output stream index the time of its first packet and how long that is, in seconds.
    """

    def __init__(self, container: OutputContainer, side: SideStreams, suffix: str) -> None:
        self._side = side
        self._tracks: dict[int, Track] = {}
        self._waiting: list[tuple[Fraction, int, AnyPacket]] = []
        self._taken = 0
        self._lowest = 0 if container.format.name == "webm" else None
        self._one_each_tick = container.format.name in ("mp4", "mov")
        self._last: dict[int, Fraction] = {}
        self._late: Counter[int] = Counter()
        self._notes: list[str] = []
        self.began: dict[int, tuple[Fraction, Fraction]] = {}
        for stream in side.streams:
            track = self._open(container, stream, suffix)
            if track is not None:
                track.out.metadata.update(_kept_tags(stream.metadata, container.format.name))
                track.out.disposition = Disposition(stream.disposition)
                self._tracks[stream.index] = track

    @property
    def notes(self) -> list[str]:
        """What was encoded anew or dropped."""
        late = [
            f"audio stream {index}: packets not after the one before it, dropped ({self._late[track.out.index]})"
            for index, track in self._tracks.items()
            if self._late[track.out.index]
        ]
        return [*self._notes, *late]

    @property
    def audio(self) -> dict[int, tuple[Fraction, Fraction]]:
        """``began`` of the audio streams alone."""
        indices = {track.out.index for track in self._tracks.values() if track.out.type == "audio"}
        return {index: began for index, began in self.began.items() if index in indices}

    @property
    def rates(self) -> list[int]:
        """Audio samples a second of each audio stream."""
        outs = [track.out for track in self._tracks.values()]
        return [out.codec_context.sample_rate for out in outs if isinstance(out, AudioStream)]

    def take(self) -> None:
        """Fetch what the source has met since."""
        for packet in self._side.take():
            # Not packet.stream.index: that lies in the source's container, and in a call the source is closed already.
            track = self._tracks.get(packet.stream_index)
            if track is not None:
                self._queue(track, track.send(packet))

    def flush(self) -> None:
        """Fetch the rest, and what decoders and encoders hold back."""
        self.take()
        for track in self._tracks.values():
            self._queue(track, track.flush())

    def until(self, time: Fraction | None) -> Iterator[AnyPacket]:
        """Packets due up to a time in seconds, or all, in order of time."""
        while self._waiting and (time is None or self._waiting[0][0] <= time):
            yield heapq.heappop(self._waiting)[2]

    def _queue(self, track: Track, packets: Sequence[AnyPacket]) -> None:
        for packet in packets:
            clock, index = packet.time_base, track.out.index
            if packet.pts is None:
                packet.pts = packet.dts
            if packet.pts is None or clock is None:
                continue  # no time at all: it cannot be placed
            if packet.dts is None:
                packet.dts = packet.pts
            if self._lowest is not None and packet.pts * clock < -_declared_delay(track.out):
                continue
            time = packet.dts * clock
            if track.out.type == "audio" and not self._is_later(track.out, time, clock):
                self._late[index] += 1  # put behind the one before, it would make all that follows late
                continue
            self._last[index] = time
            self.began.setdefault(index, (packet.pts * clock, (packet.duration or 0) * clock))
            packet.stream = track.out
            heapq.heappush(self._waiting, (time, self._taken, packet))
            self._taken += 1

    def _is_later(self, out: Stream, time: Fraction, clock: Fraction) -> bool:
        """Whether a packet is after the last one, on the container's clock where that refuses two on one tick."""
        last = self._last.get(out.index)
        if self._one_each_tick and out.time_base:
            clock = out.time_base
        return last is None or round(time / clock) > round(last / clock)

    def _open(self, container: OutputContainer, stream: Stream, suffix: str) -> Track | None:
        kind = f"{stream.type} stream {stream.index}"
        context = stream.codec_context
        if context is None:
            self._notes.append(f"{kind} is of an unknown codec: dropped")
            return None
        muxer = container.format.name
        if _takes(muxer, stream):
            return CopyTrack(container.add_stream_from_template(stream))
        if isinstance(stream, AudioStream):
            encoder = _AUDIO_ENCODER.get(muxer, "aac")
            track = AudioTrack(container, stream, encoder)
            mixed = f", {track.mixed}" if track.mixed else ""
            self._notes.append(f"{kind}: {context.name} cannot go into {suffix}; encoded as {_SPOKEN[encoder]}{mixed}")
            return track
        if isinstance(stream, SubtitleStream) and context.codec.properties & _TEXT_SUB:
            encoder = _TEXT_ENCODER[muxer]
            self._notes.append(f"{kind}: {context.name} cannot go into {suffix}; converted to {_SPOKEN[encoder]}")
            return TextTrack(container, stream, encoder)
        self._notes.append(f"{kind}: {context.name} cannot go into {suffix} and is no text; dropped")
        return None


class CopyTrack:
    """Packets as they are."""

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
        self.mixed = None if context.channels == channels else f"{channels} channels mixed to {layout}"
        self._resampler = AudioResampler(context.format, layout, rate, options={"async": "1"})

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """Packets of the new codec, of a size of its own."""
        frames = self._stream.codec_context.decode(packet) if packet.size else []
        return [made for frame in frames for made in self._encode(frame)]

    def flush(self) -> Sequence[AnyPacket]:
        """What decoder, resampler and encoder hold."""
        made = [each for frame in self._stream.codec_context.decode(None) for each in self._encode(frame)]
        return [*made, *self._encode(None), *self.out.encode(None)]

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

    def send(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        """One packet with the text, at the same time for as long."""
        shown = self._stream.codec_context.decode2(packet) if packet.size else None
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


def _takes(muxer: str, stream: Stream) -> bool:
    """Whether a container takes a stream as it is: its muxer begins a file with it. (What it lists is not all true.)"""
    if stream.codec_context.name.startswith(_REFUSED.get(muxer, ())):
        return False
    try:
        with av.open(BytesIO(), "w", format=muxer) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _kept_tags(tags: dict[str, str], muxer: str) -> dict[str, str]:
    """A stream's tags without what its container said about itself; FFmpeg reads MP4's «name» and writes «title»."""
    stale = _STALE_TAGS if muxer in ("mp4", "mov") else _STALE_TAGS | {"handler_name"}
    kept = {
        key: value
        for key, value in tags.items()
        if key.lower().partition("-")[0] not in stale and not key.startswith("_STATISTICS")
    }
    if "name" in kept:
        kept.setdefault("title", kept.pop("name"))
    return kept


def _declared_delay(out: Stream) -> Fraction:
    """Seconds that a decoder throws away at the beginning, as the Opus header says; rounded up to WebM's clock.

    Source: RFC 7845, section 5.1 (pre-skip, samples at 48 kHz).
    """
    head = out.codec_context.extradata or b""
    if not head.startswith(b"OpusHead"):
        return Fraction(0)
    return Fraction(int.from_bytes(head[10:12], "little"), 48_000) + _MILLISECOND / 2
