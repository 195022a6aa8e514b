"""A video file over PyAV: picture, sound, subtitles, chapters and tags.

Why there is no ``faststart``: it would write the whole file a second time at the end, which Ctrl-C could not keep
within its two seconds. A file for a plain web server can be given it afterwards without loss.

Why side packets wait for the picture here and not in the muxer: the encoder holds frames back, and the muxer would
either hold the sound without bound or write it seconds ahead.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from math import floor
from time import monotonic
from typing import TYPE_CHECKING

import av

from livebg.errors import SinkError
from livebg.sinks.encoders import Request, add_video
from livebg.sinks.muxing import describe, muxer_options, naming, put
from livebg.sinks.pixels import ToPlanes, writable_colour
from livebg.sinks.place import keep_partial_file, publish_file, require_channels
from livebg.sinks.room import Room, open_room
from livebg.sinks.side import SideTracks
from livebg.sinks.verify import Written, verify_video
from livebg.stages import Closing

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from livebg.frame import Frame, StreamInfo
    from livebg.sinks.place import Place

    VideoPacket = Packet[VideoStream]

_log = logging.getLogger(__name__)

_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
# An interrupted run still takes from x264 what it can within this; the others give nothing within two seconds.
_CLOSE_SECONDS = 0.8
_HALF = Fraction(1, 2)


class VideoSink(Closing):
    """Writes frames, and the streams beside them, into a hidden file that bears its name when it is complete.

    Args:
        place: The file; its suffix chooses the container.
        info: What the copy must keep: size, clock, colour, tags, chapters and side streams.
        request: Codec, kind of pixels, crf, preset, as checked by ``choose_codec``.
        side: Whether audio and subtitles go along.

    Raises:
        SinkError: The encoder or the file cannot be opened.
    """

    def __init__(self, place: Place, info: StreamInfo, request: Request, *, side: bool) -> None:
        self._place, self._info, self._request = place, info, request
        self._clock = info.time_base
        self._written = Written(alpha=request.pixels == "rgba")
        self._notes: list[str] = []
        self._durations: dict[int, int] = {}
        self._last_tick: int | None = None
        self._in_hand: VideoPacket | None = None
        self._rest: Iterator[VideoPacket] | None = None
        self._spacing = max(1, round(1 / (info.rate or Fraction(25)) / self._clock))
        self._over = False
        self._container: OutputContainer | None = None
        self._room: Room | None = None
        self._plays = True
        try:
            self._begin(side)
        except BaseException as error:
            self._abandon()
            if isinstance(error, (av.FFmpegError, OSError, ValueError)):
                raise SinkError(f"cannot write {place.final}: {_reason(error)}") from error
            raise

    @property
    def notes(self) -> Sequence[str]:
        """What was padded, encoded anew or dropped."""
        return [*self._notes, *(self._tracks.notes if self._tracks else [])]

    def write(self, frame: Frame) -> None:
        """Encode one frame, and take along the sound that belongs before it.

        Raises:
            SinkError: Its size or channels changed, it is not later than the last, or the disk refuses.
        """
        container = self._container
        if self._over or container is None:
            raise SinkError(f"frame {frame.index} came after {self._place.final} was finished or closed")
        self._require_fit(frame)
        tick = self._tick(frame)
        if self._last_tick is not None and tick <= self._last_tick:
            raise SinkError(f"{self._place.final}: frame {frame.index} is not later than the one before it")
        try:
            if self._tracks:
                self._tracks.take()
            picture = self._planes(frame.image)
            picture.pts, picture.time_base = tick, self._clock
            self._durations[tick] = self._ticks(frame, tick)
            self._last_tick = tick
            self._mux(container, self._video.codec_context.encode_lazy(picture))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SinkError(f"cannot write {self._place.final}: {_reason(error)}") from error

    def finish(self) -> None:
        """Flush the encoders, close the file, probe it again and give it its name.

        Raises:
            SinkError: No frame was written, the disk refuses, or the file is not what was put in.
        """
        container = self._container
        if self._over or container is None:
            raise SinkError(f"{self._place.final} is finished or closed already")
        if self._last_tick is None:
            raise SinkError(f"{self._place.final}: there was no frame to write")
        try:
            if self._tracks:
                self._tracks.flush()
            self._flush(container)
            if self._tracks:
                put(container, self._tracks.until(None), self._room)
                self._written.audio = self._tracks.audio
            self._container = None
            container.close()
            self._give_back()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._plays = self._container is not None or self._plays_unended
            raise SinkError(f"cannot complete {self._place.final}: {_reason(error)}") from error
        try:
            verify_video(self._place.hidden, self._written)
        except SinkError as error:
            raise SinkError(f"{self._place.final} was not written as it should be: {error}") from error
        publish_file(self._place)
        self._over = True

    def close(self) -> None:
        """Without ``finish()``: end the file where it is and keep it as STEM.partial.SUFFIX, if it has a frame.

        Raises:
            SinkError: It can be given no such name; it keeps its hidden one.
        """
        if self._over:
            return
        self._over = True
        container, self._container = self._container, None
        plays = self._plays if container is None else self._end(container)
        self._give_back()
        if plays and self._last_tick is not None and self._written.frames:
            keep_partial_file(self._place)
            return
        self._place.hidden.unlink(missing_ok=True)
        if self._written.frames:
            _log.warning("nothing is kept of %s: without its end it does not play; a .mkv does", self._place.final)

    def _end(self, container: OutputContainer) -> bool:
        """End the file where it is; whether it can be played."""
        if self._request.codec == "h264":
            # What went wrong has been told: what is written plays.
            with suppress(av.FFmpegError, OSError, ValueError):
                self._flush(container, until=monotonic() + _CLOSE_SECONDS)
        try:
            container.close()
        except (av.FFmpegError, OSError):  # the disk is full or gone, which has been told too
            return self._plays_unended
        return True

    @property
    def _plays_unended(self) -> bool:
        return self._request.suffix in (".mkv", ".webm")

    def _give_back(self) -> None:
        if self._room is not None:
            self._room.close()

    def _begin(self, side: bool) -> None:
        info, suffix = self._info, self._request.suffix
        self._tracks: SideTracks | None = None
        container = self._container = av.open(str(self._place.hidden), "w", format=_MUXERS[suffix])
        colour = writable_colour(info.colour, self._request.pixels, self._request.pix_fmt)
        self._video = add_video(container, self._request, info, colour)
        size, coded = self._request.square_size(info), self._request.coded_size(info)
        given = f"{info.width}x{info.height}"
        if size != (info.width, info.height):
            self._notes.append(f"{suffix} has no place for the pixels' shape: {given} is scaled to {size[0]}x{size[1]}")
        if coded != size:
            self._notes.append(
                f"{self._request.codec} has no odd sizes: the last column or row of {given} is repeated, "
                f"which makes it {coded[0]}x{coded[1]}"
            )
        if info.timecode is not None and "timecode" not in self._video.metadata:
            rate = float(self._video.average_rate or 0)
            self._notes.append(f"the timecode {info.timecode} is left out: it is none of {rate:.5g} frames a second")
        self._planes = ToPlanes(colour, self._request.pix_fmt, size, coded, faint=self._request.faint_alpha)
        if side and info.side is not None:
            self._tracks = SideTracks(container, info.side, suffix)
        tags = describe(container, info)
        container.container_options.update(self._muxer_options(container.format.name, tags))
        container.start_encoding()
        self._room = open_room(self._place.hidden)

    def _muxer_options(self, muxer: str, tags: Iterable[str]) -> dict[str, str]:
        rates = self._tracks.rates if self._tracks else []
        return muxer_options(muxer, self._clock, rates, tags)

    def _flush(self, container: OutputContainer, until: float | None = None) -> None:
        """Take what the encoder still holds, from where a flush that was interrupted stopped.

        An encoder is told of the end once: what asks it a second time is refused, and the rest is lost.
        """
        if self._rest is None:
            self._rest = self._video.codec_context.encode_lazy(None)
        in_hand = [] if self._in_hand is None else [self._in_hand]
        self._mux(container, chain(in_hand, self._rest), until)

    def _mux(self, container: OutputContainer, packets: Iterable[VideoPacket], until: float | None = None) -> None:
        written, room = self._written, self._room
        for packet in packets:
            packet.stream = self._video
            if packet.pts is None:
                raise ValueError("the encoder gave a frame without a time")
            # Ctrl-C waits until the encoder has given a packet and comes out in one of the next lines. Frames after
            # this one are told from it, so it must not get lost; nor be written twice, so it is let go just before.
            self._in_hand = packet
            length = self._durations.get(packet.pts, self._spacing)
            packet.duration = length
            shown, lasts = packet.pts * self._clock, length * self._clock
            decoded = (packet.pts if packet.dts is None else packet.dts) * self._clock
            if self._tracks:
                put(container, self._tracks.until(decoded), room)
            if room is not None:
                room.take(packet.size)
            with naming(container, packet):
                self._in_hand = None
                container.mux_one(packet)
            self._durations.pop(packet.pts, None)
            written.first = shown if not written.frames else min(written.first, shown)
            written.end = max(written.end, shown + lasts)
            written.longest = max(written.longest, lasts)
            written.frames += 1
            if until is not None and monotonic() > until:
                return

    def _tick(self, frame: Frame) -> int:
        """When a frame is shown; of two ticks as near the later, for rounding to even would take 1.5 and 2.5 to one."""
        return floor(frame.pts / self._clock + _HALF)

    def _ticks(self, frame: Frame, tick: int) -> int:
        """How long a frame is shown; as long as the one before it where nobody knows."""
        if frame.duration is not None and frame.duration > 0:
            return max(1, round(frame.duration / self._clock))
        if self._last_tick is not None:
            self._spacing = tick - self._last_tick
        return self._spacing

    def _require_fit(self, frame: Frame) -> None:
        require_channels(frame, self._request.pixels, self._place.final)
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise SinkError(
                f"{self._place.final}: frame {frame.index} is {frame.width}x{frame.height}, "
                f"the stream began as {self._info.width}x{self._info.height}"
            )

    def _abandon(self) -> None:
        """Leave nothing behind of a file that could not be opened."""
        self._over = True
        container, self._container = self._container, None
        try:
            if container is not None:
                container.close()
        except (av.FFmpegError, OSError):
            pass  # the error that brought us here is on its way
        self._give_back()
        self._place.hidden.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """A library's error as the end of our own line."""
    return getattr(error, "strerror", None) or str(error)
