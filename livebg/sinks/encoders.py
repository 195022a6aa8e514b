"""How each video encoder is set up.

Why these defaults: encoding shares the processor with the network. x264 ``veryfast`` at crf 18 costs a third of
``medium`` (1080p, one core: 50 against 170 ms a frame) for a file of about the same size, and holds back 11 frames, not
50, so that an interrupted run loses little. There are no B-frames: a tenth more bytes, and in return every container
shows each frame's time and duration as it is, the last one's too, and needs no edit list for the picture. VP9 without
look-ahead gives the same size as with it, closes at once and holds less memory; at real-time speed it costs a sixth.
ProRes with a fixed quantiser is five times as fast as with its rate search.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from av.video.stream import VideoStream

from livebg.cores import cores
from livebg.errors import UsageError
from livebg.sinks.outputs import CODECS
from livebg.timecode import advanced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.container import OutputContainer

    from livebg.frame import Colour, StreamInfo
    from livebg.sinks.place import Pixels

# A matte is kept nearly without loss: it is cheap (flat almost everywhere), and somebody composites with it again.
# VP9 has one quality for colour and alpha: from 8 on plain areas of alpha stay exactly 0 and 255 (at 15 they do not).
_CRF: Mapping[Pixels, Mapping[str, int]] = {
    "rgb": {"h264": 18, "h265": 20, "av1": 28, "vp9": 15},
    "rgba": {"vp9": 8},
    "gray": {"h264": 4, "h265": 4, "av1": 5, "vp9": 2},
}
# In 1 s of a talking head at crf 8, pixels that arrived with alpha 0 and a colour above 40: 21 where what is fainter
# than 8 was taken for none, 12 at 12, 4 at 16, none at 24.
_FAINT_ALPHA = 24
_PRESET = {"h264": "veryfast", "h265": "fast", "av1": "9", "vp9": "6"}
_PRORES_QUANTISER = 2
# VP9 encodes in real time from this speed on; below, "good" looks longer at each block.
_VP9_REALTIME = 5
# Rate control only; SVT-AV1 refuses more.
_MOST_FRAMES_A_SECOND = 240


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the encoder; ``codec`` is a key of ``CODECS`` and the rest fits it (``choose_codec``)."""

    codec: str
    pixels: Pixels
    suffix: str
    crf: int | None = None
    preset: str | None = None

    @property
    def pix_fmt(self) -> str:
        """What the encoder takes: 4:2:0 at 8 bits, which everything plays, but for ProRes (422 HQ; 4444 with alpha)."""
        if self.codec == "prores":
            return "yuva444p10le" if self.pixels == "rgba" else "yuv422p10le"
        return "yuva420p" if self.pixels == "rgba" else "yuv420p"

    @property
    def faint_alpha(self) -> int:
        """Steps of alpha that the codec may take for none: ProRes codes alpha without loss, VP9 as it codes luma."""
        return 0 if self.codec == "prores" else max(_FAINT_ALPHA, self.crf or 0)

    def square_size(self, info: StreamInfo) -> tuple[int, int]:
        """Width and height once pixels are square, where codec and container have no place for an aspect ratio.

        That is VP9 and AV1 in Matroska and WebM, through PyAV. Nothing is made smaller.
        """
        ratio = info.sample_aspect_ratio
        if ratio == 1 or self.codec not in ("vp9", "av1") or self.suffix not in (".webm", ".mkv"):
            return info.width, info.height
        if ratio > 1:
            return round(info.width * ratio), info.height
        return info.width, round(info.height / ratio)

    def coded_size(self, info: StreamInfo) -> tuple[int, int]:
        """Width and height as encoded: made even where the codec has only that.

        Why not 4:4:4, which has odd sizes: browsers, phones and televisions do not play it.
        """
        width, height = self.square_size(info)
        even = CODECS[self.codec].even or self.pix_fmt == "yuv422p10le"  # else FFmpeg loses the last column's colour
        return (width + width % 2, height + height % 2) if even else (width, height)


def add_video(container: OutputContainer, request: Request, info: StreamInfo, colour: Colour) -> VideoStream:
    """Add the video stream to a container that has not begun; its clock is the input's.

    Raises:
        UsageError: The picture is too small for the codec.
    """
    width, height = request.coded_size(info)
    least = CODECS[request.codec].least
    if min(width, height) < least:
        cure = "" if request.codec == "h264" else "; use h264"
        raise UsageError(
            f"{info.name} is {info.width}x{info.height}, {request.codec} needs at least {least}x{least}{cure}"
        )
    rate = min(max(info.rate or Fraction(30), Fraction(1)), Fraction(_MOST_FRAMES_A_SECOND))
    stream = container.add_stream(
        CODECS[request.codec].encoder,
        rate=rate.limit_denominator(100_000),
        options=_options(request),
        width=width,
        height=height,
        pix_fmt=request.pix_fmt,
    )
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.thread_count = _threads()
    context.time_base = stream.time_base = info.time_base
    if request.square_size(info) == (info.width, info.height):
        context.sample_aspect_ratio = info.sample_aspect_ratio
    context.color_range = 2 if colour.full_range else 1
    context.color_primaries, context.color_trc, context.colorspace = colour.primaries, colour.transfer, colour.matrix
    if request.codec == "prores":
        context.qscale = True
        context.global_quality = _PRORES_QUANTISER
    if request.codec == "h265" and container.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the only one that Apple plays
    if request.codec == "vp9" and request.pixels == "rgba":
        stream.metadata["alpha_mode"] = "1"  # what browsers look for
    if info.timecode is not None and advanced(info.timecode, 0, rate) is not None:
        stream.metadata["timecode"] = info.timecode  # MOV and MP4 make a track of it; of any other nothing, or nonsense
    return stream


def _options(request: Request) -> dict[str, str]:
    codec = request.codec
    crf = request.crf if request.crf is not None else _CRF[request.pixels].get(codec)
    preset = request.preset or _PRESET.get(codec, "")
    if codec == "h264":
        return {"preset": preset, "crf": str(crf), "bf": "0"}
    if codec == "h265":
        parameters = f"log-level=none:bframes=0:rc-lookahead=10:pools={_threads()}"
        return {"preset": preset, "crf": str(crf), "x265-params": parameters}
    if codec == "av1":
        # SVT-AV1 writes to standard error by itself and listens to nothing else.
        os.environ.setdefault("SVT_LOG", "0")
        return {"preset": preset, "crf": str(crf), "svtav1-params": f"lp={_threads()}"}
    if codec == "vp9":
        return {
            "crf": str(crf),
            "deadline": "realtime" if int(preset) >= _VP9_REALTIME else "good",
            "cpu-used": preset,
            "row-mt": "1",
            "lag-in-frames": "0",
            "auto-alt-ref": "0",  # does not go with alpha
        }
    profile = {"profile": "4444", "alpha_bits": "8"} if request.pixels == "rgba" else {"profile": "hq"}
    return {**profile, "vendor": "apl0"}


def _threads() -> int:
    """Half the cores: an encoder that takes them all holds up the network, which needs them more."""
    return max(1, min(8, cores() // 2))
