"""v4l2loopback devices that their last writer left dead.

Why: up to 0.12.7 (Debian 12) a writer that only writes, as pyvirtualcam does, is not known to the module as one. With
``exclusive_caps`` the device then is neither camera nor output once it is closed, and nobody can open it until the
module is loaded again. Source: v4l2loopback.c, v4l2_loopback_write() and v4l2_loopback_close(). Whoever starts streaming
and leaves is known, and leaves it in order.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

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
