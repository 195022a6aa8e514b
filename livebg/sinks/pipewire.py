"""A camera in user space: a PipeWire node of class Video/Source, with no kernel module and no privileges.

Frames go through a pipe to GStreamer's ``pipewiresink``. Programs that take cameras from PipeWire (Firefox, Chromium
with its flag, OBS, GNOME's and KDE's own) list it as «livebg»; through the desktop's portal only nodes of the role
Camera are shown, so it has that role.

Why a child process and no binding: GStreamer's Python bindings come with the system's Python, not from a package
index, and pipewiresink 0.3 falls over its own buffers in some pipelines (below); a child that dies takes no call along.

Why ``videoconvert``, which converts nothing here: without an element that asks the sink for its buffers, pipewiresink
0.3.65 hands out some that nobody can map, and dies of them when a reader comes.

Why a hung child is killed and started again: a reader that is killed never gives its buffers back, and
pipewiresink 0.3.65 waits for them for ever. Readers see the camera leave and return.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.sinks.child import Child
from livebg.sinks.child_sink import ChildSink
from livebg.sinks.drop_oldest import DropOldest
from livebg.sinks.i420 import ToI420

if TYPE_CHECKING:
    from fractions import Fraction

    from livebg.frame import Frame

PACKAGES = "pipewire wireplumber gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-pipewire"
NODE = "livebg"
_NAME = "the PipeWire camera"
# gst-launch says so once the pipeline is paused, which is when pipewiresink has met the daemon.
_READY = "PREROLL"
_CAUSES = {
    "no element": f"a part of GStreamer is missing: sudo apt install {PACKAGES}",
    "connect": "no PipeWire daemon answers: start it with systemctl --user start pipewire wireplumber",
}


class PipeWireCamera(ChildSink):
    """Feeds one child; ``write`` blocks until the child has taken the frame (``open_pipewire`` puts a thread before).

    Args:
        width: Pixels; the node has the next even number.
        height: Pixels; the node has the next even number.
        fps: Declared frames a second.
        node: The name that programs list.

    Raises:
        SinkError: GStreamer, its PipeWire plugin or the daemon is not there; the text names the packages.
    """

    def __init__(self, width: int, height: int, fps: Fraction, node: str = NODE) -> None:
        super().__init__(_NAME)
        self._planes = ToI420(_NAME, width, height)
        self._command = _command(self._planes, fps, node)
        self._restarts = 0
        self._child = _start(self._command)

    @property
    def notes(self) -> Sequence[str]:
        """How often the child had to be started again."""
        return [f"{_NAME} hung and was started again, {self._restarts} times"] if self._restarts else []

    def write(self, frame: Frame) -> None:
        """Show one frame, RGB (H, W, 3) of the size declared; a frame that the child hangs over is lost.

        Raises:
            SinkError: The child died (the text has its last words), the size changed, or it is finished or closed.
        """
        self._require_open(frame)
        if self._child is None:
            self._child = _start(self._command)
            self._restarts += 1
        child = self._child
        try:
            child.send(self._planes(frame))
        except SinkError:
            if not child.interrupted:
                raise
            self._child = None


class QueuedPipeWireCamera(DropOldest):
    """A PipeWire camera whose ``write`` never waits; the newest frame wins.

    Args:
        camera: The camera itself.

    Attributes:
        device: What ``open_readers`` watches it by.
    """

    device = "pipewire"

    def __init__(self, camera: PipeWireCamera) -> None:
        super().__init__(camera, depth=1, interrupt=camera.interrupt)


def open_pipewire(width: int, height: int, fps: Fraction, node: str = NODE) -> QueuedPipeWireCamera:
    """A PipeWire camera behind a thread. As ``PipeWireCamera``."""
    return QueuedPipeWireCamera(PipeWireCamera(width, height, fps, node))


def missing() -> str | None:
    """Why there can be no PipeWire camera, with the cure; ``None`` where its programs are installed."""
    if sys.platform != "linux":
        return "PipeWire is Linux's"
    if shutil.which("gst-launch-1.0") is None:
        return f"gst-launch-1.0 is missing: sudo apt install {PACKAGES}"
    return None


def _command(planes: ToI420, fps: Fraction, node: str) -> list[str]:
    return [
        *("gst-launch-1.0", "--no-fault"),  # its fault handler would keep a crashed child alive, and the pipe full
        *("fdsrc", "fd=0", "!"),
        *("rawvideoparse", "format=i420", f"width={planes.width}", f"height={planes.height}"),
        *(f"framerate={fps.numerator}/{fps.denominator}", "colorimetry=bt601", "!"),
        *("videoconvert", "!"),
        *("pipewiresink", "mode=provide", "sync=false", f"client-name={node}"),
        "stream-properties=props,media.class=Video/Source,media.role=Camera,"
        f"node.name={node},node.description={node}",
    ]  # fmt: skip


def _start(command: Sequence[str]) -> Child:
    reason = missing()
    if reason is not None:
        raise SinkError(f"{_NAME}: {reason}")
    try:
        return Child(_NAME, command, _READY)
    except SinkError as error:
        text = str(error)
        cure = next((f"; {cause}" for sign, cause in _CAUSES.items() if sign in text.lower()), "")
        raise SinkError(text + cure) from error
