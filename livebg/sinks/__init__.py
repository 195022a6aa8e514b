"""Where finished frames go: video files, folders of PNGs, pictures, virtual cameras, streams, nowhere.

What stands here needs no codec library; a sink that does imports it when it is opened.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from livebg.errors import SinkError, UsageError
from livebg.sinks.null import NullSink
from livebg.sinks.outputs import CODECS, check_output, choose_codec, default_suffix, is_png, is_video_output
from livebg.sinks.place import Pixels, Place, partial_path
from livebg.sinks.write_behind import WriteBehind

if TYPE_CHECKING:
    from fractions import Fraction

    from livebg.frame import StreamInfo
    from livebg.stages import Sink

__all__ = [
    "CodecReport",
    "NullSink",
    "Pixels",
    "WriteBehind",
    "check_output",
    "codecs",
    "default_suffix",
    "is_png",
    "open_sink",
    "open_virtual_camera",
    "partial_path",
]


def open_sink(
    path: str | os.PathLike[str],
    info: StreamInfo,
    *,
    pixels: Pixels = "rgb",
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    overwrite: bool = False,
    side: bool = True,
) -> Sink:
    """Open an output by its suffix; none is a folder of PNGs.

    Args:
        path: What the output is called once it is complete.
        info: What is known of the stream: a video keeps its clock, colour, tags, chapters and sound.
        pixels: What frames hold: ``rgb`` (H, W, 3), ``rgba`` (H, W, 4) with straight alpha, ``gray`` (H, W).
        codec: h264, h265, av1, vp9 or prores, or png for PNGs; ``None`` for the suffix's own.
        crf: Constant rate factor; ``None`` for the codec's own.
        preset: How much time the encoder takes; ``None`` for the codec's own.
        overwrite: Whether what bears the name already may be replaced.
        side: Whether audio and subtitles go along, where the stream has them and the output can; else they are let go.

    Returns:
        A sink; the caller closes it.

    Raises:
        UsageError: The suffix, codec, crf or preset cannot serve, or the name is taken (``check_output``).
        SinkError: The folder, file or encoder cannot be opened.
    """
    check_output(
        path, pixels=pixels, stills=info.stills, codec=codec, overwrite=overwrite, crf=crf, preset=preset
    )  # fmt: skip
    place = Place(Path(path), overwrite)
    if is_video_output(path):
        from livebg.sinks.encoders import Request
        from livebg.sinks.video import VideoSink

        chosen = choose_codec(place.final, pixels, codec, crf, preset)
        return VideoSink(place, info, Request(chosen, pixels, place.final.suffix.lower(), crf, preset), side=side)
    from livebg.sinks.images import ImageSink, PictureSink

    if place.final.suffix:
        return PictureSink(place, pixels)
    return ImageSink(place, pixels, info.side if side else None, info.timecode)


def open_virtual_camera(spec: str, width: int, height: int, fps: Fraction) -> Sink:
    """Open a camera that other programs can choose.

    Its ``write`` takes frames (H, W, 3) of the size given, shows each at once and never waits longer than a frame.

    Args:
        spec: ``auto`` takes what this system has, on Linux v4l2loopback before PipeWire; ``/dev/videoN``; a backend
            of pyvirtualcam (v4l2loopback, obs, unitycapture); ``pipewire``; ``none`` counts frames and shows nothing.
        width: Pixels; the camera has the next even number.
        height: Pixels; the camera has the next even number.
        fps: Declared frames a second; pacing is the caller's.

    Returns:
        A sink; the caller closes it.

    Raises:
        UsageError: There is no such backend on this system.
        SinkError: No device can be opened; the text has each backend's own reason and the cure.
    """
    if spec == "none":
        return NullSink()
    if spec == "pipewire":
        from livebg.sinks.pipewire import open_pipewire

        return open_pipewire(width, height, fps)
    from livebg.sinks.virtual_camera import VirtualCamera, backends

    if spec.startswith("/dev/"):
        return VirtualCamera(width, height, fps, device=spec)
    if spec in backends():
        return VirtualCamera(width, height, fps, backend=spec)
    if spec != "auto":
        choices = ", ".join(["auto", *backends(), "pipewire", "none"])
        raise UsageError(f"--virtual-camera {spec}: there is no such one here; choose /dev/videoN or one of {choices}")
    try:
        return VirtualCamera(width, height, fps)
    except SinkError as error:
        if sys.platform != "linux":
            raise
        from livebg.sinks.pipewire import open_pipewire

        try:
            return open_pipewire(width, height, fps)
        except SinkError as other:
            raise SinkError(f"{error}; or without a kernel module, {other}") from error


class CodecReport(NamedTuple):
    """One codec, for ``livebg doctor``.

    Attributes:
        name: What the user calls it.
        encoder: FFmpeg's name.
        there: Whether this build of FFmpeg has it.
        suffixes: What it can be written into.
        alpha: The suffixes among them where it holds transparency.
    """

    name: str
    encoder: str
    there: bool
    suffixes: tuple[str, ...]
    alpha: tuple[str, ...]


def codecs() -> list[CodecReport]:
    """Every codec that can be asked for, and whether it is there."""
    available: set[str] = set()
    if find_spec("av") is not None:
        import av

        available = set(av.codecs_available)
    return [
        CodecReport(
            name,
            rule.encoder,
            rule.encoder in available,
            tuple(dict.fromkeys(suffix for each in rule.suffixes.values() for suffix in each)),
            rule.suffixes.get("rgba", ()),
        )
        for name, rule in CODECS.items()
    ]
