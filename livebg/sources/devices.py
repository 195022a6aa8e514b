"""Which cameras there are, what they are called, and who holds one.

On Linux from sysfs and ``/proc``; elsewhere from FFmpeg's own lists.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from livebg.errors import SourceError

# FFmpeg's input for the cameras of a system.
FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
# VIDIOC_QUERYCAP and two of the bits it answers. Source: linux/videodev2.h.
_QUERY_CAPABILITIES = 0x80685600
_CAN_CAPTURE, _HAS_DEVICE_BITS = 0x1, 0x80000000


class CameraDevice(NamedTuple):
    """A camera that the system lists.

    Attributes:
        address: What FFmpeg opens: a node, a number, or a name.
        name: What people call it.
    """

    address: str
    name: str


def cameras() -> list[CameraDevice]:
    """All cameras of this system, in its order; those of Linux that may not be opened are listed too."""
    if sys.platform == "linux":
        return [device for device in _nodes() if _captures(device.address)]
    import av

    kind = FORMATS.get(sys.platform)
    if kind not in av.formats_available:
        return []
    found = av.enumerate_input_devices(kind)
    return [CameraDevice(each.name, each.description) for each in found if "audio" not in each.media_types[:1]]


def find_camera(spec: str) -> CameraDevice:
    """The camera that a user means.

    Args:
        spec: A number in the system's order (on Linux that of the node: 2 is /dev/video2), a node, or a name or a part
            of one, in capitals or not.

    Raises:
        SourceError: There is none, or several have that name; the text lists what there is.
    """
    if sys.platform == "linux":
        path = f"/dev/video{spec}" if spec.isdecimal() else spec
        if path.startswith("/"):
            if not Path(path).exists():
                raise SourceError(f"{path} does not exist: {_what_there_is()}")
            real = os.path.realpath(path)  # /dev/v4l/by-id/... is a link
            return CameraDevice(path, next((each.name for each in _nodes() if each.address == real), path))
    found = cameras()
    if spec.isdecimal() and int(spec) < len(found):
        return found[int(spec)]
    wanted = spec.casefold()
    exact = [each for each in found if wanted in (each.name.casefold(), each.address.casefold())]
    named = exact or [each for each in found if wanted in each.name.casefold()]
    if not named:
        raise SourceError(f"there is no camera {spec}: {_what_there_is()}")
    if len({each.name for each in named}) > 1:
        raise SourceError(f"{spec} may be {' or '.join(each.name for each in named)}: give more of the name")
    return named[0]


def holders(node: str) -> list[str]:
    """Programs that have a node open, as ``name (pid N)``, as far as this user may know; without this process."""
    real = os.path.realpath(node)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(_link(file) == real for file in (process / "fd").iterdir()):
                found.append(f"{(process / 'comm').read_text().strip()} (pid {process.name})")
        except OSError:
            continue  # another user's, or gone
    return found


def _nodes() -> list[CameraDevice]:
    """All V4L2 nodes in the order of their numbers; of one device the camera comes before its metadata."""
    nodes = sorted(Path("/sys/class/video4linux").glob("video*"), key=lambda path: int(path.name.removeprefix("video")))
    return [CameraDevice(f"/dev/{node.name}", (node / "name").read_text().strip()) for node in nodes]


def _captures(node: str) -> bool:
    """Whether pictures can be read from a node; true where it may not be opened, so that opening it says why."""
    import fcntl  # not on Windows

    try:
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        answer = fcntl.ioctl(descriptor, _QUERY_CAPABILITIES, bytes(104))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    all_bits, own_bits = struct.unpack_from("=II", answer, 84)
    return bool((own_bits if all_bits & _HAS_DEVICE_BITS else all_bits) & _CAN_CAPTURE)


def _what_there_is() -> str:
    found = [f"{each.address} ({each.name})" for each in cameras()]
    return (
        f"this system has {', '.join(found)}"
        if found
        else ("this system has no camera; a clip, an address or the word test can stand in for one")
    )


def _link(file: Path) -> str | None:
    try:
        return os.readlink(file)  # noqa: PTH115  # a name, not a path: it may be a socket's
    except OSError:
        return None
