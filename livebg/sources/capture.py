"""An open camera or network stream: FFmpeg's, asked without waiting in it.

Why a camera is read without blocking: a read that waits inside V4L2 for a camera that hangs cannot be ended, and the
device would stay taken. What is waited for is its descriptor, in slices, and ``close()`` is heard in between.

Why the kernel's time: a frame waits in the driver's queue until it is read. V4L2 stamps it when it was captured, on the
clock that ``time.monotonic`` has; a stamp that cannot be right (a driver with another clock) is replaced by the moment
of reading.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from fractions import Fraction
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import av

from livebg.errors import SourceError
from livebg.sources.devices import FORMATS, CameraDevice, holders
from livebg.sources.pixels import Converter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame

    from livebg.frame import Image

# What --format takes -> FFmpeg's name of it.
PIXELS = {"mjpeg": "mjpeg", "yuyv": "yuyv422", "nv12": "nv12", "i420": "yuv420p", "rgb": "rgb24"}
# A stamp older than this when it is read is not of this clock; pictures may well wait in the driver for seconds.
OLDEST_STAMP = 60.0
# Seconds between two looks where there is no descriptor to wait for, or it is in error and would be ready at once.
LOOK = 0.002
# AVFMT_FLAG_NONBLOCK, which has no name among FFmpeg's options. Source: libavformat/avformat.h.
_NONBLOCK = "4"
BT601 = 5
UNSAID = 2


class Captured(NamedTuple):
    """A picture (H, W, 3) RGB, and when it was captured, in seconds of ``time.monotonic``."""

    image: Image
    time: float


class Device(Protocol):
    """An open camera.

    Attributes:
        name: What messages call it.
        width: Pixels that it said it gives.
        height: Pixels that it said it gives.
        rate: Frames a second that it said it gives.
        mode: What it gives, in words.
        damaged: Pictures that could not be decoded so far.
    """

    name: str
    width: int
    height: int
    rate: Fraction | None
    mode: str
    damaged: int

    def read(self, seconds: float) -> Captured | None:
        """The next picture; ``None`` where none came within about so many seconds, or a damaged one.

        Raises:
            SourceError: It is gone, or at its end.
        """

    def close(self) -> None:
        """Give it back."""


class StreamDevice:
    """A ``Device`` that FFmpeg reads."""

    def __init__(self, container: InputContainer, name: str, node: str | None) -> None:
        """Own the container, opened without blocking where ``node`` is its device's."""
        self.name = name
        self.damaged = 0
        self._container = container
        if not container.streams.video:
            container.close()
            raise SourceError(f"{name} has no picture in it")
        self._video = video = container.streams.video[0]
        video.thread_type = "NONE"  # of several frames at once each would come later
        video.codec_context.options = {"err_detect": "explode"}  # a JPEG that is cut off is half gray, and no error
        self.width, self.height = video.width, video.height
        self.rate = video.average_rate or video.guessed_rate
        if self.width < 1 or self.height < 1:
            container.close()
            raise SourceError(f"{name} does not say how large its pictures are")
        codec = video.codec_context.name
        self.kind = (video.codec_context.pix_fmt or codec) if codec == "rawvideo" else codec
        rate = f", {float(self.rate):.4g} frames a second" if self.rate else ""
        self.mode = f"{self.kind} {self.width}x{self.height}{rate}"
        self._converter: Converter | None = None
        self._is_camera = node is not None
        self._poll = _Poll(node) if node is not None and sys.platform == "linux" else None

    def read(self, seconds: float) -> Captured | None:
        """See ``Device``; a network stream waits as long as its own timeout says."""
        deadline = monotonic() + seconds
        while True:
            packet = self._next_packet()
            now = monotonic()
            if packet is None:
                if now >= deadline:
                    return None
                self._wait(deadline - now)
                continue
            try:
                pictures = self._video.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                return None
            if pictures:
                stamp = float(packet.pts * packet.time_base) if packet.pts is not None else -1.0
                if not self._is_camera or not now - OLDEST_STAMP < stamp <= now:
                    stamp = now
                return Captured(self._to_rgb(pictures[-1]), stamp)
            if now > deadline:
                return None

    def close(self) -> None:
        """Give it back."""
        self._container.close()

    def _next_packet(self) -> Packet[Any] | None:
        """What came; ``None`` where a camera has nothing yet."""
        try:
            packet = next(self._container.demux(self._video))
        except av.error.BlockingIOError:
            return None
        except StopIteration:
            raise SourceError(f"{self.name} ended") from None
        except av.error.ExitError as error:
            raise SourceError(f"{self.name} delivered nothing in time: look at the camera and the network") from error
        except av.FFmpegError as error:
            raise SourceError(f"{self.name} is gone: {error.strerror}") from error
        if not packet.size:
            raise SourceError(f"{self.name} ended")
        if not self._is_camera:
            return packet
        # A camera's packet is a piece of the driver's memory, which is short and dies with the container; raw pictures
        # would go on pointing there.
        own: Packet[Any] = av.Packet(bytes(packet))
        own.pts, own.time_base = packet.pts, packet.time_base
        return own

    def _wait(self, seconds: float) -> None:
        if self._poll is None:
            sleep(LOOK)
        else:
            self._poll.wait(seconds)

    def _to_rgb(self, picture: VideoFrame) -> Image:
        if self._is_camera and picture.colorspace == UNSAID:
            picture.colorspace = BT601  # V4L2's default whatever the size is (V4L2_MAP_YCBCR_ENC_DEFAULT)
        if self._converter is None or not self._converter.fits(picture):
            self._converter = Converter(picture)
        return self._converter.to_rgb(picture)


class _Poll:
    """Waits for a device's next picture by the descriptor that FFmpeg has opened it with."""

    def __init__(self, node: str) -> None:
        self._poll = select.poll()
        real = os.path.realpath(node)
        for file in Path("/proc/self/fd").iterdir():
            try:
                if os.readlink(file) == real:  # noqa: PTH115
                    self._poll.register(int(file.name), select.POLLIN)
            except OSError:
                continue  # closed by another thread meanwhile

    def wait(self, seconds: float) -> None:
        ready = self._poll.poll(seconds * 1000)
        if any(bits & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, bits in ready):
            sleep(LOOK)


def open_device(
    device: CameraDevice, size: tuple[int, int] | None, fps: Fraction, pixels: str, timeout: float
) -> StreamDevice:
    """Open a camera in the mode nearest to what is asked for.

    Why raw first and JPEG only where raw cannot: raw pictures have no coding losses and cost no decoding, but over
    USB 2 they come at 10 a second in 720p.

    Raises:
        SourceError: It is busy, forbidden, gone, or does not know the format.
    """
    if pixels != "auto":
        return _open(device, size, fps, PIXELS[pixels], timeout)
    opened = _open(device, size, fps, None, timeout)
    if size is None or opened.kind == "mjpeg" or _lacks(opened, size, fps) == (False, False):
        return opened
    raw = _lacks(opened, size, fps)
    opened.close()
    try:
        coded = _open(device, size, fps, "mjpeg", timeout)
    except SourceError:
        return _open(device, size, fps, None, timeout)  # it has no JPEG; where it is gone this says so
    if _lacks(coded, size, fps) < raw:
        return coded
    coded.close()
    return _open(device, size, fps, None, timeout)


def _lacks(device: StreamDevice, size: tuple[int, int], fps: Fraction) -> tuple[bool, bool]:
    """Whether the size, and the rate, are not those asked for."""
    return (device.width, device.height) != size, device.rate is not None and device.rate < fps * Fraction(9, 10)


def _open(
    device: CameraDevice, size: tuple[int, int] | None, fps: Fraction, pixels: str | None, timeout: float
) -> StreamDevice:
    kind = FORMATS[sys.platform]
    options = {"framerate": f"{fps.numerator}/{fps.denominator}", "fflags": _NONBLOCK, "fpsprobesize": "0"}
    if size is not None:
        options["video_size"] = f"{size[0]}x{size[1]}"
    if pixels is not None:
        options |= _asking_for(kind, pixels)
    address = {"avfoundation": f"{device.address}:none", "dshow": f"video={device.address}"}.get(kind, device.address)
    try:
        # Not PyAV's ``options``: those reach the decoder too, which would take the size asked for for the one given.
        container = av.open(address, "r", format=kind, container_options=options, timeout=(timeout, None))
    except av.FFmpegError as error:
        raise SourceError(_reason(device, error, pixels, timeout)) from error
    return StreamDevice(container, _called(device), device.address)


def _asking_for(kind: str, pixels: str) -> Mapping[str, str]:
    """FFmpeg's option for a format, which is another one on each system."""
    if kind == "v4l2":
        return {"input_format": pixels}
    return {"vcodec": pixels} if kind == "dshow" and pixels == "mjpeg" else {"pixel_format": pixels}


def _called(device: CameraDevice) -> str:
    return device.address if device.name == device.address else f"{device.name} ({device.address})"


def _reason(device: CameraDevice, error: av.FFmpegError, pixels: str | None, timeout: float) -> str:
    name = _called(device)
    if error.errno == errno.EBUSY:
        who = ", ".join(holders(device.address)) or "another program"
        return f"{name} is in use by {who}: close it there"
    if isinstance(error, av.error.PermissionError):
        return f"{name} may not be read: add yourself to its group (sudo usermod -aG video $USER) and log in again"
    if isinstance(error, av.error.ExitError):
        return f"{name} delivered nothing for {timeout:g} s: plug it in again, or try another format"
    if error.errno == errno.ENODEV and Path(device.address).exists():
        return f"{name} gives no pictures: it is no camera, or nobody writes to it yet"
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"{name} is not there: plug it in"
    if error.errno == errno.EINVAL and pixels is not None:
        return f"{name} does not give {pixels}: choose another format, or auto"
    if error.errno == errno.ENOTTY:
        return f"{name} is not a camera"
    return f"cannot read {name}: {error.strerror}"
