"""What the tests of sinks share: streams to write, and how to read back what was written without code of ours."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from livebg.frame import Colour, Frame, StreamInfo
from livebg.sinks import open_sink
from tests.media import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from livebg.stages import Sink

SIZE = (64, 48)
CLOCK = Fraction(1, 90000)
# Of a phone: 1/24 to 1/30 s apart, once a long gap; begins late; not one falls on a millisecond.
VARIABLE = [Fraction(tick, 90000) for tick in (3754, 6757, 9760, 12763, 16512, 20267, 59011, 62014, 65017, 68765)]
LAST = Fraction(40001, 90000)


def stream(size: tuple[int, int] = SIZE, **changes: object) -> StreamInfo:
    info = StreamInfo("in.mp4", *size, time_base=CLOCK, rate=Fraction(25), colour=Colour(1, 1, 1, False))
    return replace(info, **changes)


def transparent(index: int, width: int, height: int) -> np.ndarray:
    """A numbered picture, opaque in its middle half, a slope of alpha beside it, and nothing in the outer columns."""
    alpha = np.clip((width * 3 / 8 - np.abs(np.arange(width) - width / 2 + 0.5)) * 2040 / width, 0, 255)
    image = np.empty((height, width, 4), np.uint8)
    image[..., 3] = np.rint(alpha)
    image[..., :3] = numbered(index, width, height) * (image[..., 3:] > 0)
    return image


def matte(index: int, width: int, height: int) -> np.ndarray:
    """A soft disc that wanders."""
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows - height / 2, columns - width / 2 - index)
    return np.clip((height / 3 - distance) * 20 + 128, 0, 255).astype(np.uint8)


PICTURE = {"rgb": numbered, "rgba": transparent, "gray": matte}


def frames(
    times: Sequence[Fraction], *, size: tuple[int, int] = SIZE, pixels: str = "rgb", last: Fraction = LAST
) -> Iterable[Frame]:
    """One frame for each time, shown until the next, the last one for ``last`` seconds."""
    ends = [*times[1:], times[-1] + last]
    for index, (time, end) in enumerate(zip(times, ends, strict=True)):
        yield Frame(PICTURE[pixels](index, *size), pts=time, index=index, duration=end - time)


def steady(count: int, rate: int = 25) -> list[Fraction]:
    return [Fraction(index, rate) for index in range(count)]


def write(path: Path, info: StreamInfo, shown: Iterable[Frame], **options: object) -> Sink:
    """Write a whole file; returns its closed sink."""
    with open_sink(path, info, **options) as sink:
        for frame in shown:
            sink.write(frame)
        sink.finish()
    return sink


def hidden(folder: Path) -> list[str]:
    """What is left of unfinished work."""
    return [each.name for each in folder.iterdir() if each.name.startswith(".")]


def read_alpha(path: Path) -> list[np.ndarray]:
    """Every picture as RGBA; VP9 by libvpx, whose decoder alone shows alpha."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        name = "libvpx-vp9" if video.codec_context.name == "vp9" else video.codec_context.name
        decoder = av.CodecContext.create(name, "r")
        decoder.extradata = video.codec_context.extradata
        if name != "libvpx-vp9":
            decoder = video.codec_context
        return [
            frame.to_ndarray(format="rgba")
            for packet in container.demux(video)
            if packet.size
            for frame in decoder.decode(packet)
        ]
