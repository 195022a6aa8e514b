"""Where frames come from: clips, pipes, pictures; and a thread that reads ahead of whoever uses them."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from livebg.errors import UsageError
from livebg.sources.camera import open_camera
from livebg.sources.images import RESULT_MARK, ImageSource, find_pictures, is_picture, is_result
from livebg.sources.newest import Newest
from livebg.sources.read_ahead import ReadAhead

if TYPE_CHECKING:
    from livebg.stages import Source

__all__ = [
    "RESULT_MARK", "ImageSource", "Newest", "ReadAhead", "is_picture", "is_result", "is_video", "open_camera",
    "open_source",
]  # fmt: skip

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf", ".m2ts", ".m4v", ".mkv", ".mov",
    ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu", ".ogg", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a name's suffix is that of a clip. ``open_source`` reads others too, if FFmpeg does."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def open_source(
    path: str | os.PathLike[str],
    *,
    start: Fraction | float | None = None,
    end: Fraction | float | None = None,
    strict: bool = False,
    stills: bool = False,
    rate: Fraction | float = Fraction(25),
    side: bool = True,
) -> Source:
    """Open a clip, a picture, a folder or glob of pictures, or what comes through a pipe: ``-``, or the pipe's name.

    Frames of a clip are RGB, upright (display rotation applied), in the size of its first frame, at the container's own
    times; frames of pictures stand at ``rate``, in the natural order of their names (2 before 10). What is transparent
    stands on white.

    Args:
        path: As the user wrote it; ``info.name`` and every message use it.
        start: Seconds from the beginning; what is before is left out and this becomes 0. A float counts as it is
            written: 0.2 is a fifth, and not the binary number beside it.
        end: Seconds from the beginning; what is at or after it is left out.
        strict: Damage, loss, a changed size or an unreadable picture is an error and not a note.
        stills: Pictures have nothing to do with each other, even where their sizes agree.
        rate: Pictures a second of a folder, more than 0.
        side: Whether to keep audio and subtitles for a sink (``info.side``); else they are not even read.

    Returns:
        A source, to be closed by the caller.

    Raises:
        SourceError: There is nothing to read: missing, empty, damaged, forbidden, without a video stream.
        UsageError: ``start`` and ``end`` leave nothing, or cut single pictures; a number is none.
    """
    name = os.fspath(path)
    start = None if start is None else _exact("start", start)
    end = None if end is None else _exact("end", end)
    rate = _exact("rate", rate)
    if rate <= 0:
        raise UsageError(f"rate must be more than 0 pictures a second, got {rate}")
    if (start is not None and start < 0) or (end is not None and end <= (start or 0)):
        raise UsageError(f"start {start or 0} s and end {end} s leave nothing: 0 <= start < end is needed")
    pictures = None if name == "-" else find_pictures(name)
    if pictures is not None:
        return ImageSource(name, pictures, start=start, end=end, strict=strict, stills=stills, rate=rate)
    from livebg.sources.video import VideoSource  # brings FFmpeg, which pictures do not need

    return VideoSource(0 if name == "-" else name, start=start, end=end, strict=strict, side=side)


def _exact(what: str, number: Fraction | float) -> Fraction:
    try:
        return Fraction(str(number))
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{what} must be a number, like 12.5 or Fraction(1, 3), got {number!r}") from None
