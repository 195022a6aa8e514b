"""Live sources by what a user calls them; and the camera that is out and comes back.

Why losing a camera is no error: in a call the cable is pulled and put in again. The source then gives no frames, says
why in ``lost``, and tries again, so that whoever shows the frames can show something else meanwhile.
"""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Literal, get_args

from livebg.errors import SourceError, UsageError
from livebg.frame import StreamInfo
from livebg.scale import fit_into
from livebg.sources.live import LiveSource, Shot
from livebg.sources.newest import Newest
from livebg.sources.pattern import NAMES, PatternSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livebg.sources.capture import Device

Format = Literal["auto", "mjpeg", "yuyv", "nv12", "i420", "rgb"]
FORMATS: tuple[Format, ...] = get_args(Format)
# Seconds without a picture after which a camera counts as lost.
TIMEOUT = 5.0
# Seconds between two tries to open a lost camera: doubled from the first to the last.
FIRST_TRY, LAST_TRY = 0.25, 2.0
# Seconds after which a read comes back to hear whether close() was called.
SLICE = 0.05
CLOCK = Fraction(1, 1_000_000)


def open_camera(
    spec: str | int | os.PathLike[str],
    *,
    size: tuple[int, int] | None = (1280, 720),
    fps: Fraction | int = 30,
    format: Format = "auto",
    loop: bool = True,
    side: bool = False,
    timeout: float = TIMEOUT,
) -> Newest:
    """Open a camera, or what stands in for one, for a thread of its own to read from the first request for a frame on.

    Args:
        spec: A number, a device (``/dev/video0``) or a camera's name (or a part of it); an rtsp, http, udp, tcp, srt or
            rtmp address; a clip, which is played in real time; or ``test``, a moving pattern.
        size: Width and height that a camera is asked for, and that clips and patterns have; ``None`` leaves the choice
            to them. A network stream keeps its own. What the camera really gave is in ``info`` and ``notes``.
        fps: Frames a second that a camera is asked for and a pattern has; clips and network streams have their own.
        format: What a camera is asked to send; ``auto`` is raw where that comes in the size and rate asked for, else
            JPEG.
        loop: Play a clip again at its end.
        side: Keep a clip's audio for a sink (``info.side``), which must then take it.
        timeout: Seconds without a picture after which a camera or stream counts as lost.

    Returns:
        A source with ``info.live`` of which only the newest frame waits, to be closed by the caller.

    Raises:
        SourceError: It is not there, busy, forbidden, or sends nothing.
        UsageError: Size, rate, format or address are not of a kind that is served.
    """
    rate = Fraction(fps)
    if rate <= 0 or (size is not None and min(size) < 1) or timeout <= 0:
        raise UsageError(f"a camera cannot give {size} at {fps} a second within {timeout} s: all must be above 0")
    if format not in FORMATS:
        raise UsageError(f"there is no camera format {format}: choose one of {', '.join(FORMATS)}")
    name = os.fspath(spec) if isinstance(spec, os.PathLike) else str(spec)
    return Newest(_open(name, size, rate, format, loop=loop, side=side, timeout=timeout))


def _open(
    name: str, size: tuple[int, int] | None, rate: Fraction, pixels: Format, *, loop: bool, side: bool, timeout: float
) -> LiveSource:
    if name in NAMES:
        width, height = size or (1280, 720)
        return PatternSource(width, height, rate)
    from livebg.sources.network import is_address, open_stream, without_password  # brings FFmpeg

    if is_address(name):
        return CameraSource(without_password(name), lambda: open_stream(name, timeout), timeout=timeout)
    if _is_clip(name):
        from livebg.sources.realtime import RealtimeSource

        return RealtimeSource(name, size=size, loop=loop, side=side)
    return CameraSource(name, _camera_opener(name, size, rate, pixels, timeout), timeout=timeout, asked=(size, rate))


class CameraSource(LiveSource):
    """A camera's frames, whatever happens to its cable.

    The first opening must succeed. After that a camera that is gone, or has given nothing for ``timeout`` seconds, is
    opened again and again, and ``lost`` says why. All frames have the first mode's size: where a camera comes back with
    another one, they are scaled to fill it. Pictures that cannot be decoded are left out and counted.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Device],
        *,
        timeout: float = TIMEOUT,
        asked: tuple[tuple[int, int] | None, Fraction] | None = None,
    ) -> None:
        """Open it.

        Args:
            name: As the user wrote it.
            opener: Opens the device, or raises ``SourceError``.
            timeout: Seconds without a picture after which it is opened again.
            asked: Size and rate that were asked for, to say where they differ from what came.
        """
        self._opener, self._timeout, self._asked = opener, timeout, asked
        device = opener()
        self._device: Device | None = device
        self._name, self._modes = device.name, [device.mode]
        super().__init__(
            StreamInfo(
                name=name, width=device.width, height=device.height, time_base=CLOCK, rate=device.rate, live=True
            )
        )
        self._lost: str | None = None
        self._losses = self._damaged = self._other_size = 0
        self._delay = FIRST_TRY
        self._last_picture = monotonic()
        self._last_pts = -CLOCK

    @property
    def lost(self) -> str | None:
        """Why no picture comes just now, in one line; ``None`` while they come."""
        return self._lost

    @property
    def losses(self) -> int:
        """How often it was lost."""
        return self._losses

    @property
    def damaged(self) -> int:
        """Pictures left out because they could not be decoded."""
        device = self._device
        return self._damaged + (device.damaged if device is not None else 0)

    @property
    def notes(self) -> Sequence[str]:
        """What the camera gives, and what went wrong so far."""
        said = [f"{self._name} gives {self._modes[-1]}{self._difference()}"]
        if self.damaged:
            said.append(f"{self._name}: pictures that could not be decoded were left out ({self.damaged})")
        if self._other_size:
            size = f"{self._info.width}x{self._info.height}"
            said.append(f"{self._name}: pictures of another size were scaled to fill {size} ({self._other_size})")
        if self._losses:
            said.append(f"{self._name} was lost and opened again ({self._losses}x)")
        return said

    def _difference(self) -> str:
        if self._asked is None:
            return ""
        (size, rate), given = self._asked, (self._info.width, self._info.height)
        other_size = size is not None and size != given
        other_rate = self._info.rate is not None and abs(self._info.rate - rate) > rate / 100
        wanted = f"{size[0]}x{size[1]}, " if size is not None else ""
        return f"; asked for {wanted}{float(rate):.4g} frames a second" if other_size or other_rate else ""

    def _shoot(self) -> Shot | None:
        if self._device is None and not self._open_again():
            return None
        assert self._device is not None
        try:
            captured = self._device.read(SLICE)
        except SourceError as error:
            self._lose(str(error))
            return None
        now = monotonic()
        if captured is None:
            if now - self._last_picture > self._timeout:
                self._lose(f"{self._name} delivered no picture for {self._timeout:g} s")
            return None
        self._last_picture = now
        self._lost, self._delay = None, FIRST_TRY
        image = captured.image
        if image.shape[:2] != (self._info.height, self._info.width):
            self._other_size += 1
            image = fit_into(image, self._info.width, self._info.height, "cover")
        if not self._started:
            self._started = captured.time
        # In whole ticks; never twice the same, should a driver stamp two pictures so.
        pts = max(round((captured.time - self._started) / CLOCK) * CLOCK, self._last_pts + CLOCK)
        self._last_pts = pts
        return Shot(image, pts)

    def _open_again(self) -> bool:
        if self._closing.wait(self._delay):
            return False
        self._delay = min(2 * self._delay, LAST_TRY)
        try:
            self._device = self._opener()
        except SourceError as error:
            self._lost = str(error)
            return False
        if self._device.mode != self._modes[-1]:
            self._modes.append(self._device.mode)
        self._last_picture = monotonic()
        return True

    def _lose(self, why: str) -> None:
        self._lost = why
        self._losses += 1
        self._release()

    def _release(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            self._damaged += device.damaged
            device.close()


def _is_clip(name: str) -> bool:
    """A file that is there, or a name that only a clip would have."""
    from livebg.sources import is_video

    return Path(name).is_file() or is_video(name)


def _camera_opener(
    name: str, size: tuple[int, int] | None, rate: Fraction, pixels: Format, timeout: float
) -> Callable[[], Device]:
    """How to open a camera, each time by its name: it may have come back at another place."""
    import av

    from livebg.sources.capture import open_device
    from livebg.sources.devices import FORMATS as INPUTS
    from livebg.sources.devices import find_camera

    if any(INPUTS.get(sys.platform) in names.split(",") for names in av.formats_available):
        return lambda: open_device(find_camera(name), size, rate, pixels, timeout)
    from livebg.sources.capture_opencv import OpenCVDevice

    return lambda: OpenCVDevice(name, size, rate, pixels)
