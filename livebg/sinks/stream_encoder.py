"""The process that encodes and sends a stream: ``python -m livebg.sinks.stream_encoder``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from livebg.frame import Colour
from livebg.sinks.child import hear, pictures, say_ready
from livebg.sinks.pixels import ToPlanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from livebg.frame import Image

_CLOCK = Fraction(1, 90_000)
_BT709 = Colour(primaries=1, transfer=1, matrix=1, full_range=False)
_AUDIO_RATE, _AUDIO_SAMPLES = 48_000, 1024
_KEYFRAME_SECONDS = 2  # what RTMP services ask for; a UDP receiver can join as often
# 7 transport packets a datagram: what fits an Ethernet frame.
_DATAGRAM = "pkt_size=1316"


@dataclass(frozen=True, slots=True)
class Order:
    """What is sent, and where."""

    url: str
    width: int
    height: int
    fps: Fraction
    kilobits: int
    silence: bool

    @classmethod
    def of(cls, told: Mapping[str, object]) -> Order:
        """From what the parent tells."""
        return cls(
            str(told["url"]),
            int(str(told["width"])),
            int(str(told["height"])),
            Fraction(str(told["fps"])),
            int(str(told["kilobits"])),
            bool(told["silence"]),
        )


class Encoder:
    """x264 without delay, and silence beside it where the receiver wants sound.

    Args:
        order: What to send.

    Raises:
        av.FFmpegError: Nobody answers at the address.
    """

    def __init__(self, order: Order) -> None:
        size = (order.width, order.height)
        coded = (order.width + order.width % 2, order.height + order.height % 2)
        self._container = _open(order.url)
        self._video = _add_video(self._container, order, coded)
        self._audio: AudioStream | None = None
        if order.silence:
            self._audio = self._container.add_stream("aac", rate=_AUDIO_RATE, layout="stereo")
        self._samples = 0
        self._planes = ToPlanes(_BT709, "yuv420p", size, coded)
        self._began: Fraction | None = None
        self._last = -1
        self._container.start_encoding()

    def write(self, shown: Fraction, image: Image) -> None:
        """Send one picture; one that is not later than the last goes a tick after it."""
        if self._began is None:
            self._began = shown
        self._last = max(self._last + 1, round((shown - self._began) / _CLOCK))
        picture = self._planes(image)
        picture.pts, picture.time_base = self._last, _CLOCK
        self._container.mux(self._video.encode(picture))
        if self._audio is not None:
            self._keep_silent(self._audio, self._last * _CLOCK)

    def close(self) -> None:
        """Send what is held back."""
        self._container.mux(self._video.encode(None))
        self._container.close()

    def _keep_silent(self, audio: AudioStream, until: Fraction) -> None:
        while Fraction(self._samples, _AUDIO_RATE) < until:
            frame = av.AudioFrame.from_ndarray(
                np.zeros((2, _AUDIO_SAMPLES), np.float32), format="fltp", layout="stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE, self._samples, Fraction(1, _AUDIO_RATE)
            self._samples += _AUDIO_SAMPLES
            self._container.mux(audio.encode(frame))


def main() -> None:
    """Send what comes until the parent ends."""
    order = Order.of(hear())
    try:
        encoder = Encoder(order)
        say_ready()
        for shown, image in pictures(order.width, order.height):
            encoder.write(shown, image)
        encoder.close()
    except (av.FFmpegError, OSError, ValueError) as error:
        sys.exit(f"error: {getattr(error, 'strerror', None) or error}")


def _open(url: str) -> OutputContainer:
    scheme = url.partition(":")[0]
    if scheme in ("rtmp", "rtmps"):
        return av.open(url, "w", format="flv", container_options={"flvflags": "no_duration_filesize"})
    if scheme == "srt":
        return _open_srt(url)
    return av.open(url + ("&" if "?" in url else "?") + _DATAGRAM, "w", format="mpegts")


def _open_srt(url: str) -> OutputContainer:
    """SRT through the system's ffmpeg, which only passes the stream on: PyAV's own FFmpeg is built without it."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise ValueError("SRT needs the program ffmpeg: sudo apt install ffmpeg")
    # It looks at five seconds before it sends unless it is told that less will do.
    quickly = "-probesize 32768 -analyzeduration 200000"
    command = f"{ffmpeg} -loglevel error {quickly} -f mpegts -i pipe:0 -c copy -f mpegts".split()
    sender = subprocess.Popen([*command, url], stdin=subprocess.PIPE, bufsize=0)
    return av.open(sender.stdin, "w", format="mpegts")


def _add_video(container: OutputContainer, order: Order, coded: tuple[int, int]) -> VideoStream:
    rate = f"{order.kilobits}k"
    video = container.add_stream(
        "libx264",
        rate=order.fps,
        width=coded[0],
        height=coded[1],
        pix_fmt="yuv420p",
        options={
            "preset": "superfast",
            "tune": "zerolatency",
            "b": rate,
            "maxrate": rate,
            "bufsize": rate,
            "g": str(max(1, round(order.fps * _KEYFRAME_SECONDS))),
        },
    )
    context = video.codec_context
    context.time_base = video.time_base = _CLOCK
    context.color_range, context.colorspace = 1, _BT709.matrix
    context.color_primaries, context.color_trc = _BT709.primaries, _BT709.transfer
    return video


if __name__ == "__main__":
    main()
