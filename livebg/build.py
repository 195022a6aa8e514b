"""From a configuration to stages. The only importer of concrete stages besides ``livebg/__init__.py``."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from livebg import weights
from livebg.compose import Blur, Compositor, Moving, Plain, Transparent, parse_background
from livebg.config import ComposeConfig, Config, InputConfig, OutputConfig, RefineConfig, SegmentConfig
from livebg.motion import MotionTracker
from livebg.pipeline import Matting
from livebg.refine import Bilinear, Guided
from livebg.refine.every_picture import EveryPicture
from livebg.refine.keyframe_refiner import KeyframeRefiner
from livebg.segment import Segmenter
from livebg.sinks import NullSink, WriteBehind, open_sink
from livebg.smooth import Cadence, Smoother
from livebg.sources import ReadAhead, open_source

if TYPE_CHECKING:
    from typing import Literal

    from livebg import stages
    from livebg.compose import Background
    from livebg.frame import StreamInfo
    from livebg.segment.ahead import SegmentAhead
    from livebg.stages import Refiner, Sink, Source

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


def open_segmenter(config: SegmentConfig, *, coarse: bool = False, lanes: int = 1) -> Segmenter:
    """The network, loaded onto its device.

    Args:
        config: Which network, and what becomes of its score.
        coarse: Mattes of the network's own size, for the stages of ``open_matting``.
        lanes: Frames that it may be asked for at once.

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
        subjects=config.subjects,
        doubtful=config.doubtful,
        precision=config.precision,
        coarse=coarse,
        lanes=lanes,
    )


def every_frame(config: Config, *, stills: bool) -> bool:
    """Whether each frame is segmented, so that it may be ahead of its turn: stills always are."""
    return stills or config.smooth.cadence == 1


def open_matting(
    config: Config,
    segmenter: Segmenter,
    *,
    ahead: SegmentAhead | None = None,
    refiner: Refiner | None = None,
    stills: bool = False,
    live: bool = False,
) -> Matting:
    """Everything between a frame and its final matte.

    Args:
        config: How steady, how often afresh, how fine.
        segmenter: With coarse mattes.
        ahead: Is asked for the mattes in its place.
        refiner: One that is open already; ``None`` opens the one that ``config`` asks for.
        stills: Whether frames have nothing to do with each other: then each is segmented on its own.
        live: Whether frames cannot wait: a slow refiner then works beside the stream, and the caller closes it.

    Raises:
        WeightsError: Those of the refiner cannot be had.
        DeviceError: The refiner's device is not there.
        UsageError: What the refiner needs is not installed.
    """
    smooth = config.smooth
    if refiner is None:
        refiner = open_refiner(config.refine, segmenter.device, stills=stills, live=live)
    mattes: stages.Segmenter = segmenter if ahead is None else ahead
    if stills:
        return Matting(mattes, refiner=refiner)
    cadence = Cadence(mattes, smooth.cadence)
    if smooth.smooth == "off" and smooth.cadence == 1 and not isinstance(refiner, KeyframeRefiner):
        return Matting(mattes, refiner=refiner)  # nobody asks for motion
    smoother = None if smooth.smooth == "off" else Smoother(smooth.smooth, lookahead=smooth.lookahead)
    both_ways = smoother is not None and smooth.lookahead > 0
    return Matting(mattes, MotionTracker(both_ways=both_ways), cadence, smoother, refiner)


def open_refiner(config: RefineConfig, device: str, *, stills: bool = False, live: bool = False) -> Refiner:
    """What brings coarse mattes to the picture's size and edges.

    Args:
        config: Which, and how.
        device: Where the segmenter runs; CascadePSP goes there too.
        stills: Whether frames have nothing to do with each other.
        live: Whether frames cannot wait.
    """
    match refiner_of(config, device):
        case "none":
            return Bilinear()
        case "guided":
            return Guided()
        case "matting":
            from livebg.refine.matting import ClosedForm  # an extra

            return ClosedForm()
        case _:
            from livebg.refine.cascade_psp import CascadePSP  # brings torch

            network = CascadePSP(
                None if config.refine_weights is None else Path(config.refine_weights),
                mode=config.refine_mode,
                size=config.refine_size,
                device="auto" if device == "mps" else device,  # its pyramid wants pool sizes that MPS lacks
            )
            if not live and config.refine_gate == "off" and (stills or config.refine_every == 1):
                return EveryPicture(network)
            every = 1 if stills else config.refine_every
            return KeyframeRefiner(Guided(), network, gate=config.refine_gate == "on", every=every, live=live)


def refiner_of(config: RefineConfig, device: str) -> str:
    """Which refiner it will be: ``auto`` takes CascadePSP where its weights are here and a GPU affords it."""
    if config.refine != "auto":
        return config.refine
    here = config.refine_weights is not None or weights.store().state("cascadepsp") == "sound"
    return "cascadepsp" if here and device.startswith("cuda") else "guided"


def open_background(
    spec: str | os.PathLike[str] = "blur",
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
    return Compositor(
        open_background(config.background, config.fit, sample_aspect_ratio=info.sample_aspect_ratio),
        decontaminate=config.decontaminate == "on",
        light_wrap=config.light_wrap,
    )


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
