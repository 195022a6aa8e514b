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
from typing import TYPE_CHECKING

import av
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream

from livebg.errors import SourceError
from livebg.sinks.tracks import AudioTrack, CopyTrack, TextTrack

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

    from livebg.sinks.tracks import Track
    from livebg.stages import SideStreams

    AnyPacket = Packet[Stream]

_MILLISECOND = Fraction(1, 1000)
_TEXT_SUB = 1 << 17  # AV_CODEC_PROP_TEXT_SUB: subtitles that are text, not pictures
# What FFmpeg's muxer would begin but players do not know (Vorbis), or cannot end (PCM without a named layout).
_REFUSED = {"mp4": ("vorbis", "pcm_")}
_AUDIO_ENCODER = {"webm": "libopus"}
_TEXT_ENCODER = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_SPOKEN = {"libopus": "Opus", "aac": "AAC", "mov_text": "MP4 text", "subrip": "SubRip", "webvtt": "WebVTT"}
# Container-made tags that would be wrong in the copy.
_STALE_TAGS = {"timecode", "duration", "number_of_frames", "number_of_bytes", "bps", "vendor_id", "encoder"}


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
        damaged = [
            f"{track.out.type} stream {index}: damaged packets could not be decoded and are left out ({track.damaged})"
            for index, track in self._tracks.items()
            if track.damaged
        ]
        return [*self._notes, *damaged, *late]

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
        """Fetch what the source has met since.

        Raises:
            SourceError: A packet cannot be decoded, and the source is strict.
        """
        for packet in self._side.take():
            # Not packet.stream.index: that lies in the source's container, and in a call the source is closed already.
            track = self._tracks.get(packet.stream_index)
            if track is not None:
                self._queue(track, track.send(packet))

    def flush(self) -> None:
        """Fetch the rest, and what decoders and encoders hold back; raises as ``take``."""
        self.take()
        for track in self._tracks.values():
            self._queue(track, track.flush())

    def until(self, time: Fraction | None) -> Iterator[AnyPacket]:
        """Packets due up to a time in seconds, or all, in order of time."""
        while self._waiting and (time is None or self._waiting[0][0] <= time):
            yield heapq.heappop(self._waiting)[2]

    def _queue(self, track: Track, packets: Sequence[AnyPacket]) -> None:
        if track.damaged and self._side.strict is not None:
            raise SourceError(f"{self._side.strict} is damaged: a packet of its {track.out.type} cannot be decoded")
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
