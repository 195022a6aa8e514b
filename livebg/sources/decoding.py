"""Which of a container's streams is its video, and who decodes it.

Why libvpx for VP8 and VP9 with alpha: FFmpeg's own decoders leave the alpha out and say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext

from livebg.cores import cores
from livebg.errors import SourceError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# More decoding threads gain little, and each keeps a picture.
THREADS = 8
_BT601 = 5  # H.273
_KEEPS_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Decoder:
    """Turns the packets of one stream into frames.

    Attributes:
        drops_alpha: The stream has alpha, and this FFmpeg has no decoder that reads it.
    """

    def __init__(self, video: VideoStream) -> None:
        """Of a stream that FFmpeg has a decoder for."""
        self._native = video.codec_context
        tags = {key.lower(): value for key, value in video.metadata.items()}
        name = _KEEPS_ALPHA.get(self._native.name) if tags.get("alpha_mode") == "1" else None
        self._context = None if name is None else _create(name)
        self.drops_alpha = name is not None and self._context is None
        context = self._context or self._native
        context.thread_type = "AUTO"
        context.thread_count = min(cores(), THREADS)

    def decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The frames that a packet completes; those held back for an empty one.

        Raises:
            av.FFmpegError: It is damaged.
        """
        context = self._context or self._native
        frames: list[VideoFrame] = context.decode(packet if packet.size else None)
        if self._context is not None:
            for frame in frames:
                self._tag(frame)
        return frames

    def restart(self) -> None:
        """Begin anew where the container was moved to: PyAV's seek tells only the stream's own decoder."""
        if self._context is not None:
            self._context.flush_buffers()

    def _tag(self, frame: VideoFrame) -> None:
        """What libvpx does not say of the colours: what the container says, and VP8's own matrix (RFC 6386, 9.2)."""
        frame.color_primaries, frame.color_trc = self._native.color_primaries, self._native.color_trc
        if self._native.name == "vp8":
            frame.colorspace = _BT601


def choose_video(container: InputContainer, name: str) -> VideoStream:
    """The clip's video: FFmpeg's choice among the moving ones.

    Raises:
        SourceError: There is none, or no decoder for it; ``name`` is what the message calls the clip.
    """
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    moving = [stream for stream in container.streams.video if not stream.disposition & still]
    if not (container.streams.video or container.streams.audio):
        raise SourceError(f"{name} holds neither pictures nor sound: it is no clip, or cut off: copy it again")
    if not moving:
        cover = ", only a cover picture" if container.streams.video else ""
        raise SourceError(f"{name} has no video stream{cover}: choose a clip with moving pictures")
    best = container.streams.best("video")
    video = next((stream for stream in moving if stream is best), moving[0])
    if video.codec_context is None:
        raise SourceError(f"{name} has video that this FFmpeg has no decoder for: convert it first")
    return video


def _create(name: str) -> VideoCodecContext | None:
    try:
        context = av.CodecContext.create(name, "r")
    except av.codec.codec.UnknownCodecError:
        return None
    assert isinstance(context, VideoCodecContext)
    return context
