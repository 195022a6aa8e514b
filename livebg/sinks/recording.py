"""A recording of what is live: it never holds the call up, and what is on disk can be played whatever happens.

Why fragments: an MP4 has its index at the end, and a process that is killed writes none. FFmpeg's ``hybrid_fragmented``
writes an index for each second and, at the end, one for the whole, so that what is complete is an ordinary MP4.
Matroska and WebM are played as far as they go; there a cluster is kept to one second. Measured: of 11 s, a kill cost
1.7 s in MP4 and in Matroska, among it the 11 frames that x264 holds back.

Whoever kills the process leaves the file under its hidden name, ``.STEM.livebg-NUMBER.SUFFIX``.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import av
import numpy as np

from livebg.sinks import open_sink
from livebg.sinks.drop_oldest import DropOldest
from livebg.sinks.encoders import Request
from livebg.sinks.outputs import check_output, choose_codec, is_video_output
from livebg.sinks.place import Pixels, Place
from livebg.sinks.video import VideoSink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from av.container import OutputContainer

    from livebg.frame import Frame, StreamInfo

# A second of pictures may wait while the disk or the encoder catches its breath.
_QUEUE = 30
# With x264's veryfast a call of 720p on two cores missed 13 of 100 frames while it was recorded.
_PRESET = {"h264": "ultrafast"}
_FINISH_SECONDS = 1.0
_FLUSH_SECONDS = 0.5


class LiveVideoSink(VideoSink):
    """A video whose file can be played at any moment, and that takes a picture shown again as the same one."""

    def write(self, frame: Frame) -> None:
        """Encode one frame; one that is not later than the last shows nothing new and is left out.

        Raises:
            SinkError: Its size or channels changed, or the disk refuses.
        """
        if self._last_tick is not None and self._tick(frame) <= self._last_tick:
            return
        super().write(frame)

    def _end(self, container: OutputContainer) -> bool:
        # The disk, the encoder, or a packet that is refused: it has been told, and what came before it can be played.
        gone = (av.FFmpegError, OSError, ValueError)
        with contextlib.suppress(*gone):
            self._give_last(container)
        with contextlib.suppress(*gone):
            container.close()
        return True

    def _give_last(self, container: OutputContainer) -> None:
        """Take what the encoder gives in time, and one packet at least: FFmpeg crashes ending an MP4 of none."""
        if self._last_tick is None:
            channels = {"rgb": (3,), "rgba": (4,), "gray": ()}[self._request.pixels]
            blank = self._planes(np.zeros((self._info.height, self._info.width, *channels), np.uint8))
            blank.pts, blank.time_base = 0, self._clock
            self._mux(container, self._video.codec_context.encode_lazy(blank))
        seconds = _FLUSH_SECONDS if self._request.codec == "h264" else 0.0
        if seconds or not self._written.frames:
            self._flush(container, until=monotonic() + seconds)

    def _muxer_options(self, muxer: str, tags: Iterable[str]) -> dict[str, str]:
        options = super()._muxer_options(muxer, tags)
        if muxer in ("matroska", "webm"):
            return {**options, "cluster_time_limit": "1000", "flush_packets": "1"}
        flags = [*options.get("movflags", "").split("+"), "hybrid_fragmented"]
        return {
            **options,
            "movflags": "+".join(filter(None, flags)),
            "frag_duration": "1000000",
            "use_editlist": "1",
            "flush_packets": "1",
        }


def open_recording(
    path: str | os.PathLike[str],
    info: StreamInfo,
    *,
    pixels: Pixels = "rgb",
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    overwrite: bool = False,
) -> DropOldest:
    """Open a recording by its suffix, as ``open_sink``, behind a thread that drops the oldest where it cannot keep up.

    Times are the frames' own, from their capture; a picture that is shown again is written once.

    Raises:
        UsageError: The suffix, codec, crf or preset cannot serve, or the name is taken.
        SinkError: The folder, file or encoder cannot be opened.
    """
    check_output(path, pixels=pixels, codec=codec, overwrite=overwrite, crf=crf, preset=preset)
    place = Place(Path(path), overwrite)
    if not is_video_output(path):
        return DropOldest(open_sink(path, info, pixels=pixels, overwrite=overwrite), _QUEUE, grace=_FINISH_SECONDS)
    chosen = choose_codec(place.final, pixels, codec, crf, preset)
    request = Request(chosen, pixels, place.final.suffix.lower(), crf, preset or _PRESET.get(chosen))
    sink = LiveVideoSink(place, info, request, side=True)
    return DropOldest(sink, _QUEUE, grace=_FINISH_SECONDS)
