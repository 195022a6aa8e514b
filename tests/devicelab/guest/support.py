"""What the tests inside the machine share: the devices, programs that are not ours, and a writer of any bytes."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np

CAMERA = "/dev/video0"  # vivid, a webcam made by the kernel
SPARE = "/dev/video8"  # v4l2loopback, which tests write to as if they were a camera
OUTPUT = "/dev/video9"  # v4l2loopback, where livebg writes
DRIVER = Path("/sys/bus/platform/drivers/vivid")
_SET_FORMAT = 0xC0D05605  # VIDIOC_S_FMT, linux/videodev2.h
_STREAM_ON = 0x40045612  # VIDIOC_STREAMON
_OUTPUT, _NO_FIELD = 2, 1


def program(*command: str) -> subprocess.Popen[bytes]:
    """Start one of the programs that came with the lab."""
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "LD_LIBRARY_PATH": os.environ["LAB_LIBRARIES"]},
    )  # fmt: skip


def call(*command: str, seconds: float = 30) -> str:
    """Run one to its end."""
    with program(*command) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    text = said.decode(errors="replace")
    assert process.returncode == 0, f"{command}: {text}"
    return text


def control(**values: int) -> None:
    """Set controls of the camera."""
    call("v4l2-ctl", "-d", CAMERA, "-c", ",".join(f"{name}={value}" for name, value in values.items()))


def read_raw(device: str, count: int, path: Path, *, skip: int = 0, seconds: float = 30) -> bytes:
    """The next pictures of a device as they are, by v4l2-ctl."""
    call(
        "v4l2-ctl", "-d", device, "--stream-mmap", f"--stream-count={count}", f"--stream-skip={skip}",
        f"--stream-to={path}", seconds=seconds,
    )  # fmt: skip
    return path.read_bytes()


def plug(in_: bool) -> None:
    """Pull the camera's cable, or put it in."""
    (DRIVER / ("bind" if in_ else "unbind")).write_text("vivid.0")


def until(condition, seconds: float = 20.0, told=lambda: "") -> None:
    """Wait for something that another thread or process does; ``told`` says how things stand if it does not."""
    deadline = monotonic() + seconds
    pause = Event()
    while not condition():
        assert monotonic() < deadline, f"it did not happen in time {told()}"
        pause.wait(0.02)


@contextmanager
def writer(device: str, code: bytes, width: int, height: int, largest: int):
    """A descriptor that takes pictures in a V4L2 format, each with one ``os.write``: the bytes are not looked at."""
    descriptor = os.open(device, os.O_RDWR)
    try:
        wanted = struct.pack("=II4sIII", width, height, code, _NO_FIELD, 0, largest)
        fcntl.ioctl(descriptor, _SET_FORMAT, struct.pack("=II", _OUTPUT, 0) + wanted.ljust(200, b"\0"))
        fcntl.ioctl(descriptor, _STREAM_ON, struct.pack("=i", _OUTPUT))  # else the module is left dead, see loopback.py
        yield descriptor
    finally:
        os.close(descriptor)


def solid(value: int, width: int, height: int) -> np.ndarray:
    """A gray picture."""
    return np.full((height, width, 3), value, np.uint8)
