"""A camera that other programs choose as they would a real one, over pyvirtualcam.

v4l2loopback on Linux, OBS on Windows and macOS, Unity Capture on Windows. Which one serves, and PipeWire where no
kernel module is loaded, is decided in ``sinks.open_virtual_camera``.

Why I420 is handed over and not RGB: the backends convert while they hold the interpreter's lock, so that nothing else
of the process runs; OpenCV lets it go (1 ms at 720p). v4l2loopback then takes the planes as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livebg.errors import SinkError, UsageError
from livebg.sinks.i420 import ToI420
from livebg.sinks.loopback import Node, revive
from livebg.stages import Closing

if TYPE_CHECKING:
    from fractions import Fraction

    import pyvirtualcam

    from livebg.frame import Frame

LOOPBACK_CURE = "sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1 card_label=livebg"
_CURES = {
    "linux": LOOPBACK_CURE,
    "darwin": "install OBS 30 or newer and start its virtual camera once",
    "win32": "install OBS 26 or newer; its virtual camera registers itself",
}


class VirtualCamera(Closing):
    """Writes each frame to a virtual camera at once; whoever reads it sees the last one.

    Pacing belongs to the caller: frames come at the declared rate.

    Args:
        width: Pixels; the camera has the next even number.
        height: Pixels; the camera has the next even number.
        fps: Declared frames a second.
        device: ``/dev/videoN`` or a camera's name; ``None`` takes the first that is free.
        backend: v4l2loopback, obs or unitycapture; ``None`` tries all that this system has.

    Attributes:
        device: What it is called where programs list cameras (Linux: its node).
        backend: Which one serves.

    Raises:
        UsageError: This system has no such backend.
        SinkError: No device can be opened; the text has each backend's own reason, and the cure.
    """

    notes: Sequence[str] = ()

    def __init__(
        self, width: int, height: int, fps: Fraction, *, device: str | None = None, backend: str | None = None
    ) -> None:
        name = device or backend or "the virtual camera"
        self._planes = ToI420(name, width, height)
        self._camera: pyvirtualcam.Camera | None = _open(self._planes.width, self._planes.height, fps, device, backend)
        self.device = str(self._camera.device)
        self.backend = str(self._camera.backend)
        self._node = Node(self.device) if self.backend == "v4l2loopback" else None

    def write(self, frame: Frame) -> None:
        """Show one frame, RGB (H, W, 3) of the size declared.

        Raises:
            SinkError: The size or the channels changed, the backend refuses, or it is finished or closed.
        """
        if self._camera is None:
            raise SinkError(f"frame {frame.index} came after {self.device} was finished or closed")
        planes = self._planes(frame)
        if self._node is not None:
            self._node.write(planes)
            return
        try:
            self._camera.send(planes)
        except (RuntimeError, OSError) as error:
            raise SinkError(f"cannot write to {self.device}: {_one_line(error)}") from error

    def finish(self) -> None:
        """Nothing is held back: free the device.

        Raises:
            SinkError: It is finished or closed already.
        """
        if self._camera is None:
            raise SinkError(f"{self.device} is finished or closed already")
        self.close()

    def close(self) -> None:
        """Free the device at once."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
            if self.backend == "v4l2loopback":
                revive(self.device)


def backends() -> list[str]:
    """The virtual cameras that this system could have, by the names that ``backend`` takes."""
    from pyvirtualcam.camera import BACKENDS

    return list(BACKENDS)


def cure() -> str:
    """How to get a virtual camera on this system."""
    return _CURES.get(sys.platform, "none is known for this system")


def _open(width: int, height: int, fps: Fraction, device: str | None, backend: str | None) -> pyvirtualcam.Camera:
    import pyvirtualcam

    known = backends()
    if backend is not None and backend not in known:
        raise UsageError(
            f"there is no virtual camera {backend} on {sys.platform}; it has: {', '.join(known) or 'none'}"
        )
    if "v4l2loopback" in known:
        revive(device)  # after a program that was killed while it wrote
    try:
        return pyvirtualcam.Camera(
            width, height, float(fps), fmt=pyvirtualcam.PixelFormat.I420, device=device, backend=backend
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise SinkError(f"no virtual camera: {_one_line(error)}; to get one: {cure()}") from error


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).split("\n"))
