"""The virtual camera without a device; with one it is tried in the device lab."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from pyvirtualcam.camera import BACKENDS

from livebg.errors import SinkError, UsageError
from livebg.frame import Frame
from livebg.sinks import NullSink, open_virtual_camera
from livebg.sinks.i420 import ToI420
from livebg.sinks.loopback import Node
from livebg.sinks.virtual_camera import VirtualCamera
from tests.fakes import gradient

RATE = Fraction(30)
no_loopback = pytest.mark.skipif(
    sys.platform != "linux" or any(Path("/dev").glob("video*")), reason="there may be a virtual camera here"
)


class MemoryBackend:
    """A backend as pyvirtualcam asks for it, which keeps what it is sent."""

    opened: list[MemoryBackend]

    def __init__(self, *, width, height, fps, fourcc, device):
        self.arguments = (width, height, fps, device)
        self.frames, self.closed, self.error = [], 0, None
        self.opened.append(self)

    def send(self, frame):
        if self.error is not None:
            raise self.error
        self.frames.append(frame.copy())

    def device(self):
        return "memory"

    def native_fourcc(self):
        return None

    def close(self):
        self.closed += 1


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.setitem(BACKENDS, "memory", MemoryBackend)
    monkeypatch.setattr(MemoryBackend, "opened", [], raising=False)
    return MemoryBackend.opened


def test_frames_arrive_as_i420(memory):
    image = gradient(48, 64)
    with open_virtual_camera("memory", 64, 48, Fraction(30000, 1001)) as sink:
        assert (sink.backend, sink.device) == ("memory", "memory")
        sink.write(Frame(image))
        sink.finish()
        (backend,) = memory
        assert backend.closed == 1
        with pytest.raises(SinkError, match="after memory was finished or closed"):
            sink.write(Frame(image))
        with pytest.raises(SinkError, match="finished or closed already"):
            sink.finish()
    assert backend.closed == 1
    assert backend.arguments == (64, 48, pytest.approx(29.97, abs=0.01), None)
    shown = cv2.cvtColor(backend.frames[0].reshape(72, 64), cv2.COLOR_YUV2RGB_I420)
    assert np.abs(shown.astype(int) - image).mean() < 3


def test_an_odd_size_repeats_its_last_column_and_row(memory):
    image = gradient(5, 7)
    with VirtualCamera(7, 5, RATE, backend="memory") as sink:
        sink.write(Frame(image))
    assert memory[0].arguments[:2] == (8, 6)
    padded = cv2.copyMakeBorder(image, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
    expected = cv2.cvtColor(padded, cv2.COLOR_RGB2YUV_I420)
    assert np.array_equal(memory[0].frames[0], expected.reshape(-1))


def test_one_pixel_is_a_picture(memory):
    with VirtualCamera(1, 1, RATE, backend="memory") as sink:
        sink.write(Frame(np.full((1, 1, 3), 255, np.uint8)))
    assert np.array_equal(memory[0].frames[0], [235, 235, 235, 235, 128, 128])


@pytest.mark.parametrize("shape", [(10, 10, 3), (48, 64, 4), (48, 64)])
def test_another_size_or_kind_of_picture_is_refused(memory, shape):
    with VirtualCamera(64, 48, RATE, backend="memory") as sink:
        with pytest.raises(SinkError, match="opened for RGB of 64x48"):
            sink.write(Frame(np.zeros(shape, np.uint8), index=7))
        sink.write(Frame(gradient(48, 64)))


def test_a_backend_that_fails_is_a_sink_error_and_is_closed(memory):
    with VirtualCamera(64, 48, RATE, backend="memory") as sink:
        memory[0].error = RuntimeError("the plug was pulled")
        with pytest.raises(SinkError, match="cannot write to memory: the plug was pulled"):
            sink.write(Frame(gradient(48, 64)))
    assert memory[0].closed == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_node_that_takes_nothing_is_a_sink_error():
    planes = np.zeros((72, 64), np.uint8)
    with pytest.raises(SinkError, match="/dev/full is not open in this process"):
        Node("/dev/full")
    with Path("/dev/full").open("wb", buffering=0) as full:
        node = Node("/dev/full")
        with pytest.raises(SinkError, match="cannot write to /dev/full: No space left"):
            node.write(planes)
        assert not full.closed


@pytest.mark.skipif(sys.platform != "linux", reason="pipes of this size are Linux's")
def test_a_node_takes_a_picture_whole_or_that_is_an_error(tmp_path):
    fifo = tmp_path / "node"
    os.mkfifo(fifo)
    planes = np.arange(6, dtype=np.uint8).reshape(3, 2)
    descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        node = Node(str(fifo))
        node.write(planes)
        assert os.read(descriptor, 99) == bytes(range(6))
        with pytest.raises(SinkError, match=r"took 65536 of a picture's 70000 bytes"):
            node.write(np.zeros((7, 10000), np.uint8))
    finally:
        os.close(descriptor)


def test_none_counts():
    with open_virtual_camera("none", 64, 48, RATE) as sink:
        assert isinstance(sink, NullSink)
        sink.write(Frame(gradient()))
        assert sink.frames == 1


@no_loopback
def test_no_device_at_all_lists_each_reason_and_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # no GStreamer either
    with pytest.raises(SinkError) as raised:
        open_virtual_camera("auto", 64, 48, RATE)
    text = str(raised.value)
    assert "'v4l2loopback' backend: No v4l2 loopback device found" in text
    assert "modprobe v4l2loopback exclusive_caps=1" in text
    assert "gst-launch-1.0 is missing: sudo apt install" in text
    assert "\n" not in text


@no_loopback
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(SinkError, match="Device /dev/video77 does not exist"):
        open_virtual_camera("/dev/video77", 64, 48, RATE)


@no_loopback
def test_a_file_that_is_no_camera_is_named(tmp_path):
    with pytest.raises(SinkError, match="/dev/null"):
        open_virtual_camera("/dev/null", 64, 48, RATE)


def test_an_unknown_backend_lists_those_that_are():
    with pytest.raises(UsageError, match=r"--virtual-camera obbs: .* one of auto, .*pipewire, none"):
        open_virtual_camera("obbs", 64, 48, RATE)
    with pytest.raises(UsageError, match="no virtual camera obbs on"):
        VirtualCamera(64, 48, RATE, backend="obbs")


def test_the_buffer_is_kept():
    planes = ToI420("here", 64, 48)
    first = planes(Frame(gradient(48, 64)))
    assert planes(Frame(gradient(48, 64, seed=2))) is first
    with pytest.raises(ValueError, match="at least 1x1"):
        ToI420("here", 0, 48)
