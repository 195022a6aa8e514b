"""Clips: any container FFmpeg reads, from a file or a pipe.

Why the first frame is decoded when the clip is opened: only a decoded frame tells size, orientation and colour for
certain, and a file of which nothing decodes is refused before anybody opens a sink for it.

Why times count from the container's beginning and not from the first frame: a transport stream begins at 1.4 s, its
audio a few milliseconds earlier. Both move by the same amount, as with ffmpeg, and so keep their distance.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from livebg.errors import SourceError
from livebg.frame import Chapter, Frame, StreamInfo
from livebg.sources.clip import MICROSECOND, Clip, promised_seconds
from livebg.sources.container import Pipe, Result
from livebg.sources.pixels import Converter
from livebg.sources.tags import kept_tags
from livebg.stages import Closing
from livebg.timecode import advanced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.video.frame import VideoFrame

    Timed = tuple[Fraction, VideoFrame]

_SLOW = 47  # frames a second up to which a timecode counts each
# Seconds before the wanted start to jump to, in turn, until the frame that comes out is early enough. The first is not
# 0 so that audio stored a little before its picture is met too. After
# the last the clip is read from the top.
LEADS = (Fraction(1, 2), Fraction(10))
# Longer ticks are divided: some formats count in whole frames.
COARSEST_CLOCK = Fraction(1, 10_000)


class VideoSource(Closing):
    """The frames of one clip; ``open_source`` documents what is done to them.

    ``close()`` may be called from another thread than the one that iterates. It ends a read that waits for a pipe. A
    read that hangs inside FFmpeg (a dead network disk) gives the file back when it returns; ``close()`` waits for it no
    longer than a second. A pipe is read by a thread of its own, so that Ctrl-C ends a wait for it.
    """

    def __init__(
        self,
        path: str | int,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        strict: bool = False,
        side: bool = True,
    ) -> None:
        """``path`` may be a pipe, or its descriptor; for the rest see ``open_source``."""
        self._strict = strict
        self._origin = start or Fraction(0)
        self._reading = Lock()
        self._closed = self._released = self._iterated = False
        self._pipe = Pipe(path) if isinstance(path, int) or Path(path).is_fifo() else None
        try:
            opening = partial(_open_at, self._pipe or str(path), start, end, side=side, strict=strict)
            self._clip, self._timed, first = self._apart(opening)
        except BaseException:
            self._release_pipe()
            raise
        try:
            self._first: Timed | None = self._apart(partial(self._skip_to_origin, first))
            self._converter = Converter(self._first[1])
            self._interlaced = self._first[1].interlaced_frame
            self._info = _describe(self._clip, self._converter, self._origin, end, self._first[0])
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> StreamInfo:
        """What is known of the stream before its first frame."""
        return self._info

    @property
    def notes(self) -> list[str]:
        """What was left out, mapped, mended, scaled or lost so far."""
        clip, converter = self._clip, self._converter
        missing, disordered = clip.mender.missing, clip.mender.disordered
        joints, untimed = clip.stretches.joints, clip.side.untimed if clip.side else 0
        fast = clip.rate > _SLOW  # some cameras count every second frame, which nothing tells that we can ask
        said = (
            (clip.left_out, f"left out: {clip.left_out}"),
            (fast and clip.timecode, f"its timecode {clip.timecode} is taken to count {float(clip.rate):.5g} a second"),
            (clip.places, f"the place where it was taken is left out: {', '.join(clip.places)}"),
            (clip.drops_alpha, "its alpha is left out: this FFmpeg lacks libvpx, which alone decodes it"),
            (converter.transparent, f"transparent pixels stand on white ({_frames(converter.transparent)})"),
            (converter.tilt, f"players turn it by {converter.tilt:.0f}° more: only quarter turns are done"),
            (converter.hdr, f"{converter.hdr} was tone-mapped to BT.709 at 8 bits"),
            (converter.depth > 8 and not converter.hdr, f"{converter.depth} bits a channel became 8"),
            (self._interlaced, "interlaced: the two fields are treated as one picture"),
            (missing, f"{_frames(missing)} had no time and follow at {float(clip.rate):.5g} a second"),
            (disordered, f"{_frames(disordered)} not later than the one before; their times were mended"),
            (joints, f"the clock began again ({joints}x); the stretches were joined"),
            (untimed, f"audio or subtitle packets without a time were dropped ({untimed})"),
            (converter.scaled, f"{_frames(converter.scaled)} of another size, scaled to the first one's"),
            (clip.damaged, f"damaged packets or frames ({clip.damaged}): the picture may show it"),
            (clip.lost, clip.lost),
        )
        return [f"{clip.name}: {note}" for happened, note in said if happened]

    def __iter__(self) -> Iterator[Frame]:
        """The frames; once.

        Raises:
            SourceError: With ``strict``, whatever else would be a note about damage, loss or another size.
            ValueError: The source is closed, or was read before.
        """
        self._require_open()
        if self._iterated:
            raise ValueError(f"{self._clip.name} was read already: open it again")
        self._iterated = True
        return self._iterate()

    def close(self) -> None:
        """Give the file back; see the class for a read that is under way."""
        if not self._closed:
            self._closed = True
            if self._pipe is not None:
                self._pipe.cancel()
        if self._reading.acquire(timeout=1):
            try:
                self._release()
            finally:
                self._reading.release()

    def _iterate(self) -> Iterator[Frame]:
        index = 0
        while True:
            with self._reading:
                self._require_open()
                try:
                    timed, self._first = self._first or self._apart(partial(next, self._timed, None)), None
                    frame = None if timed is None else self._finish(timed, index)
                finally:
                    if self._closed:  # by another thread that did not wait for this read
                        self._release()
            self._require_open()
            if frame is None:
                return
            yield frame
            index += 1

    def _finish(self, timed: Timed, index: int) -> Frame:
        time, picture = timed
        if self._strict and not self._converter.fits(picture):
            raise SourceError(
                f"{self._clip.name}: frame {index} is {picture.width}x{picture.height}, not of the first one's size: "
                "without strict it is scaled"
            )
        duration = picture.duration * self._clip.clock if picture.duration else None
        image, aspect = self._converter.to_rgb(picture), self._info.sample_aspect_ratio
        return Frame(image, time - self._origin, index, duration, pixel_aspect=aspect)

    def _skip_to_origin(self, first: Timed | None) -> Timed:
        while first is not None and first[0] < self._origin:
            first = next(self._timed, None)
        if first is None:
            raise SourceError(
                f"{self._clip.name} has no frame in the part asked for, from {float(self._origin):g} s on"
            )
        return first

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"{self._clip.name} is closed: open it again")

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self._release_pipe()  # first: its thread may still be in the container
            self._clip.close()

    def _release_pipe(self) -> None:
        if self._pipe is not None:
            self._pipe.release()

    def _apart(self, work: Callable[[], Result]) -> Result:
        """Do what reads: a pipe in its own thread, a file here."""
        return work() if self._pipe is None else self._pipe.run(work)


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _open_at(
    path: str | Pipe, start: Fraction | None, end: Fraction | None, *, side: bool, strict: bool
) -> tuple[Clip, Iterator[Timed], Timed | None]:
    """A clip, its frames from a keyframe at or before ``start`` on, and the first of them."""
    leads: tuple[Fraction | None, ...] = (*LEADS, None) if start and isinstance(path, str) else (None,)
    for lead in leads:
        clip = Clip(path, start=start, end=end, side=side, strict=strict)
        try:
            frames = clip.frames()
            if lead is None:
                return clip, frames, next(frames, None)
            if clip.jump(max((start or 0) - lead, Fraction(0))):
                first = next(frames, None)
                if first is not None and first[0] <= (start or 0):
                    return clip, frames, first
        except BaseException:
            clip.close()
            raise
        clip.close()
    raise AssertionError("the last lead returns or raises")


def _describe(clip: Clip, converter: Converter, origin: Fraction, end: Fraction | None, first: Fraction) -> StreamInfo:
    whole = _length(clip)
    duration = whole
    if whole is not None:
        duration = max((whole if end is None else min(whole, end)) - origin, Fraction(0))
    elif end is not None:
        duration = end - origin
    cut = duration != whole
    frames = clip.expected_frames() if not cut else None
    if frames is None and duration is not None:
        frames = round(duration * clip.rate)
    aspect = clip.video.sample_aspect_ratio or Fraction(1)
    return StreamInfo(
        name=clip.name,
        width=converter.width,
        height=converter.height,
        time_base=_fine(clip.clock),
        rate=clip.rate,
        frames=frames,
        duration=duration,
        sample_aspect_ratio=1 / aspect if converter.orientation.transpose else aspect,
        colour=converter.colour,
        metadata=kept_tags(clip.container.metadata),
        chapters=tuple(_chapters(clip, origin, end)),
        timecode=_timecode(clip, first),
        side=clip.side,
    )


def _timecode(clip: Clip, first: Fraction) -> str | None:
    """That of the first frame that is shown; as the clip has it, where nobody can count from it."""
    if clip.timecode is None:
        return None
    skipped = first - ((clip.video.start_time or 0) * clip.clock - clip.zero)
    return advanced(clip.timecode, round(skipped * clip.rate), clip.rate) or clip.timecode


def _fine(clock: Fraction) -> Fraction:
    """A clock on which the container's times stay exact, or to a microsecond, and mended ones find ticks between."""
    while clock > COARSEST_CLOCK:
        clock /= 2
    # A Matroska file may tick in 41,708,333 ns: halved, that is no longer of FFmpeg's 32 bits.
    return clock if max(clock.as_integer_ratio()) < 1 << 31 else MICROSECOND


def _length(clip: Clip) -> Fraction | None:
    """Seconds from the container's beginning to the video's end, where something says so."""
    video = clip.video
    if video.duration:
        return ((video.start_time or 0) + video.duration) * clip.clock - clip.zero
    promised = promised_seconds(video)
    if promised is not None:
        return promised - clip.zero
    return clip.container.duration * MICROSECOND if clip.container.duration else None


def _chapters(clip: Clip, origin: Fraction, end: Fraction | None) -> Iterator[Chapter]:
    """Those that overlap what is read, cut to it."""
    for chapter in clip.container.chapters():
        clock = chapter["time_base"] or MICROSECOND
        first, last = (chapter[key] * clock - clip.zero for key in ("start", "end"))
        if last > origin and (end is None or first < end):
            last = last if end is None else min(last, end)
            yield Chapter(max(first, origin) - origin, last - origin, chapter["metadata"].get("title", ""))
