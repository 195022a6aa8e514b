"""Probe a finished file again: it must hold what was put in."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.stream import Discard

from livebg.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream


@dataclass(slots=True)
class Written:
    """What was put into a file.

    Attributes:
        frames: Pictures.
        first: When the first is shown, in seconds.
        end: When the last is over, in seconds.
        longest: The longest time that one picture is shown, in seconds: how far the file's duration may be off.
        alpha: Whether it must have an alpha channel.
        audio: Per stream index, when its first packet is heard and how long that packet is, in seconds.
    """

    frames: int = 0
    first: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    longest: Fraction = Fraction(0)
    alpha: bool = False
    audio: Mapping[int, tuple[Fraction, Fraction]] = field(default_factory=dict)


def verify_video(path: Path, written: Written) -> None:
    """Read the file's index, or all its packets where it has none; decode at most one.

    Args:
        path: The complete file.
        written: What was put in.

    Raises:
        SinkError: Frames are missing, times have moved, audio or alpha is not there, or it cannot be read at all.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SinkError("it has no picture")
            video = container.streams.video[0]
            if video.frames:  # MP4 and MOV have an index
                frames, start = video.frames, video.start_time
                end = (start or 0) + (video.duration or 0)
            else:
                frames, start, end = _count(container, video)
            clock = video.time_base or Fraction(1)
            _require(frames == written.frames, f"it has {frames} frames, not {written.frames}")
            first, last = (start or 0) * clock, end * clock
            _require(abs(first - written.first) <= clock, f"it begins at {_s(first)}, not {_s(written.first)}")
            slack = max(written.longest, clock)
            _require(abs(last - written.end) <= slack, f"it ends at {_s(last)}, not {_s(written.end)}")
            _check_audio(container, written)
    except av.FFmpegError as error:
        raise SinkError(f"it cannot be read again: {error.strerror or error}") from error
    if written.alpha and not _has_alpha(path):
        raise SinkError("it has no alpha")


def _count(container: InputContainer, video: VideoStream) -> tuple[int, int, int]:
    """Frames, the first time and the end of the last, in ticks."""
    for stream in container.streams:
        stream.discard = Discard.none if stream is video else Discard.all
    frames, start, end = 0, None, 0
    for packet in container.demux(video):
        if packet.pts is None or not packet.size:
            continue
        frames += 1
        start = packet.pts if start is None else min(start, packet.pts)
        end = max(end, packet.pts + (packet.duration or 0))
    return frames, start or 0, end


def _check_audio(container: InputContainer, written: Written) -> None:
    for index, (began, length) in written.audio.items():
        stream = container.streams[index] if index < len(container.streams) else None
        if stream is None or stream.type != "audio" or stream.time_base is None:
            raise SinkError(f"audio stream {index} is missing")
        # What lies before zero is never heard: containers differ in whether they count it.
        found = max((stream.start_time or 0) * stream.time_base, Fraction(0))
        expected = max(began, Fraction(0))
        _require(
            abs(found - expected) <= length + Fraction(1, 1000),
            f"audio stream {index} begins at {_s(found)}, not {_s(expected)}",
        )


def _has_alpha(path: Path) -> bool:
    """Whether the first picture has alpha; for VP9 libvpx must say so, FFmpeg's own decoder drops it."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        if video.codec_context.name != "vp9":
            return "yuva" in (video.codec_context.pix_fmt or "")
        if "1" not in (video.metadata.get("alpha_mode"), video.metadata.get("ALPHA_MODE")):
            return False
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        for packet in container.demux(video):
            for frame in decoder.decode(packet):
                return frame.format.name.startswith("yuva")
    return False


def _require(kept: bool, loss: str) -> None:
    if not kept:
        raise SinkError(loss)


def _s(time: Fraction) -> str:
    return f"{float(time):.3f} s"
