"""From a configuration to stages. The only importer of concrete stages besides ``livebg/__init__.py``."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from livebg.compose import Blur, Compositor, Moving, Plain, Transparent, parse_background
from livebg.config import ComposeConfig, InputConfig, OutputConfig, SegmentConfig
from livebg.segment import Segmenter
from livebg.sinks import NullSink, WriteBehind, open_sink
from livebg.sources import ReadAhead, open_source

if TYPE_CHECKING:
    from typing import Literal

    from livebg.compose import Background
    from livebg.frame import StreamInfo
    from livebg.stages import Sink, Source

NULL_OUTPUT = "null:"
"""The output that throws frames away: for measuring everything before the encoder."""


def open_reader(path: str, config: InputConfig, *, side: bool) -> Source:
    """The input, read ahead in a thread.

    Args:
        path: A video, a picture, a folder or glob of pictures, or ``-``.
        config: Which part of it.
        side: Whether audio and subtitles are wanted too.
    """
    return ReadAhead(
        open_source(
            path,
            start=config.start,
            end=config.end,
            strict=config.strict,
            stills=config.stills,
            rate=config.rate,
            side=side,
        )
    )


def open_segmenter(config: SegmentConfig) -> Segmenter:
    """The network, loaded onto its device.

    Raises:
        UsageError: There is no such model.
        WeightsError: Its weights cannot be had.
        DeviceError: The device or runtime asked for is not there.
    """
    return Segmenter(
        config.model,
        size=config.size,
        alpha=config.alpha,
        normalise=config.normalise,
        device=config.device,
        runtime=config.runtime,
        threads=config.threads,
    )


def open_background(
    spec: str = "blur",
    fit: Literal["cover", "contain", "stretch"] = "cover",
    *,
    sample_aspect_ratio: Fraction = Fraction(1),
) -> Background:
    """What stands behind the subject, from its one-line form.

    Args:
        spec: ``blur[:STRENGTH]``, ``color:NAME``, ``transparent``, or the path of a picture or video.
        fit: How a picture or video of another shape fills the frame.
        sample_aspect_ratio: Width over height of a pixel of the frames that it goes under.

    Raises:
        UsageError: The form is unknown.
        SourceError: The picture or video cannot be read.
    """
    parsed = parse_background(spec)
    match parsed.kind:
        case "blur":
            return Blur(parsed.strength)
        case "color":
            return Plain(parsed.colour)
        case "transparent":
            return Transparent()
        case "path":
            return Moving(
                partial(open_source, parsed.path, side=False), fit=fit, sample_aspect_ratio=sample_aspect_ratio
            )


def open_compositor(config: ComposeConfig, info: StreamInfo) -> Compositor:
    """The compositor over the background asked for, for the frames of a stream."""
    return Compositor(open_background(config.background, config.fit, sample_aspect_ratio=info.sample_aspect_ratio))


def open_writer(
    path: str, info: StreamInfo, config: OutputConfig, *, pixels: Literal["rgb", "rgba", "gray"], side: bool
) -> Sink:
    """The output, written in a thread.

    Args:
        path: A video, a picture, a folder of PNGs, or ``null:``.
        info: The stream that it copies.
        config: How it is encoded.
        pixels: What is written: composited frames, frames with alpha, or mattes.
        side: Whether audio and subtitles go along.
    """
    if path == NULL_OUTPUT:
        return WriteBehind(NullSink())
    if pixels == "gray":
        config = config.for_matte()
    return WriteBehind(
        open_sink(
            path,
            info,
            pixels=pixels,
            codec=config.codec,
            crf=config.crf,
            preset=config.preset,
            overwrite=config.overwrite,
            side=side,
        )
    )
