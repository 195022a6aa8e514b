"""v4l2loopback devices: written so that a failure is noticed, and revived where their last writer left them dead.

Why written here: pyvirtualcam prints what ``write`` says against a picture, and goes on as if it had been shown.

Why revived: up to 0.12.7 (Debian 12) a writer that only writes, as pyvirtualcam does, is not known to the module as
one. With ``exclusive_caps`` the device then is neither camera nor output once it is closed, and nobody can open it
until the module is loaded again. Whoever starts streaming and leaves is known, and leaves it in order. Source:
v4l2loopback.c, v4l2_loopback_write() and v4l2_loopback_close().
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from livebg.errors import SinkError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Source: linux/videodev2.h.
_QUERY_CAPABILITIES, _STREAM_ON = 0x80685600, 0x40045612
_CAPTURES, _OUTPUTS, _OUTPUT_BUFFERS = 0x1, 0x2, 2


def revive(device: str | None) -> None:
    """Let devices that are neither camera nor output be an output again; all others stay as they are.

    Args:
        device: A node; ``None`` looks at all.
    """
    for node in [device] if device is not None else map(str, sorted(Path("/dev").glob("video*"))):
        _revive(node)


class Node:
    """The descriptor by which a library of this process has opened a device; it stays the library's.

    Args:
        device: ``/dev/videoN``, opened already.

    Raises:
        SinkError: No descriptor of this process is that device.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._descriptor = _opened(device)

    def write(self, planes: NDArray[np.uint8]) -> None:
        """Show one picture, whole.

        Raises:
            SinkError: The device does not take it.
        """
        try:
            taken = os.write(self._descriptor, planes.reshape(-1).data)
        except OSError as error:
            raise SinkError(f"cannot write to {self._device}: {error.strerror}") from error
        if taken != planes.size:
            raise SinkError(
                f"{self._device} took {taken} of a picture's {planes.size} bytes: another program set its size"
            )


def _opened(device: str) -> int:
    wanted = Path(device).stat()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names, not paths
        with contextlib.suppress(OSError):  # the listing's own, closed again
            if os.path.samestat(os.fstat(int(name)), wanted):
                return int(name)
    raise SinkError(f"{device} is not open in this process: no picture can be written to it")


def _revive(node: str) -> None:
    import fcntl  # not on Windows

    try:
        descriptor = os.open(node, os.O_RDWR)
    except OSError:
        return  # whoever opens it next says why
    try:
        answer = fcntl.ioctl(descriptor, _QUERY_CAPABILITIES, bytes(104))
        driver, (bits,) = answer[:16].rstrip(b"\0"), struct.unpack_from("=I", answer, 88)
        if driver.replace(b" ", b"").startswith(b"v4l2loopback") and not bits & (_CAPTURES | _OUTPUTS):
            fcntl.ioctl(descriptor, _STREAM_ON, struct.pack("=i", _OUTPUT_BUFFERS))
    except OSError:
        return  # no V4L2 device, or one that cannot be helped so
    finally:
        os.close(descriptor)
