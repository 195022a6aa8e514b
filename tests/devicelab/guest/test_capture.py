"""livebg's camera source on a V4L2 webcam of the kernel's own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError
from livebg.sources import open_camera
from livebg.sources.capture_opencv import OpenCVDevice
from livebg.sources.devices import cameras
from tests.devicelab.guest.support import CAMERA, OUTPUT, SPARE, call, control, plug, program, read_raw, until, writer

SIZE = (320, 180)
# vivid's "CSC Colorbar": white, yellow, cyan, green, magenta, red, blue, black, none of them at its limits.
BARS = 50 + 141 * np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]])


@pytest.fixture(scope="module", autouse=True)
def still_bars():
    """Colour bars without text or motion, so that all pictures are alike and known."""
    control(test_pattern=2, osd_text_mode=2, horizontal_movement=3, vertical_movement=3)


def test_the_system_lists_it():
    assert CAMERA in [device.address for device in cameras()]
    assert OUTPUT not in [device.address for device in cameras()]  # nobody writes to it yet


@pytest.mark.parametrize(
    ("pixels", "size", "rate"),
    [("yuyv", (320, 180), 25), ("nv12", (640, 360), 10), ("i420", SIZE, 50), ("rgb", SIZE, 5)],
)
def test_formats_and_rates(pixels, size, rate):
    with open_camera(0, size=size, fps=rate, format=pixels) as camera:
        assert (camera.info.width, camera.info.height, camera.info.rate) == (*size, rate)
        assert f"{size[0]}x{size[1]}, {rate} frames a second" in camera.notes[0]
        frames = list(islice(camera, 6))
        for frame in frames:
            assert frame.image.shape == (size[1], size[0], 3)
            assert 0 < monotonic() - camera.captured(frame) < 30
    assert frames[-1].pts - frames[0].pts > Fraction(5, 2 * rate)  # five steps; emulated, they are not even
    bars = frames[-1].image[size[1] // 2, size[0] // 16 :: size[0] // 8].astype(int)
    assert np.abs(bars[:8] - BARS).max() < 4, bars


def test_the_picture_is_the_one_that_another_reader_gets(tmp_path):
    call("v4l2-ctl", "-d", CAMERA, "-v", f"width={SIZE[0]},height={SIZE[1]},pixelformat=YUYV")
    raw = np.frombuffer(read_raw(CAMERA, 1, tmp_path / "raw"), np.uint8).reshape(SIZE[1], SIZE[0], 2)
    theirs = cv2.cvtColor(raw, cv2.COLOR_YUV2RGB_YUYV).astype(int)
    with open_camera(CAMERA, size=SIZE, format="yuyv") as camera:
        ours = camera.take(20).image.astype(int)
    inside = np.abs(ours - theirs)[:, np.arange(SIZE[0]) % (SIZE[0] // 8) // 4 % 9 != 0]  # chroma is soft at edges
    assert inside.mean() < 2


def test_it_is_found_by_a_part_of_its_name_and_auto_takes_what_it_has():
    with open_camera("VIVID", size=SIZE) as camera:
        assert camera.take(20) is not None
        assert "asked for" not in camera.notes[0]


def test_a_size_that_it_does_not_have():
    with open_camera(0, size=(400, 300)) as camera:
        frame = camera.take(20)
        assert frame is not None, (camera.lost, camera._source.damaged, camera.notes)
        assert frame.image.shape == (camera.info.height, camera.info.width, 3)
        assert "asked for 400x300" in camera.notes[0]


def test_a_format_that_it_does_not_have():
    with pytest.raises(SourceError, match="does not give mjpeg: choose another format, or auto"):
        open_camera(0, size=SIZE, format="mjpeg")


def test_the_time_of_a_frame_is_that_of_its_capture_and_not_of_its_reading():
    with open_camera(0, size=SIZE, fps=30) as camera:
        source = camera._source
        frames = iter(source)
        next(frames)
        Event().wait(0.5)  # the next ones wait in the driver meanwhile
        assert monotonic() - source.captured(next(frames)) > 0.3


def test_of_pictures_that_nobody_takes_only_the_newest_waits():
    with open_camera(0, size=SIZE, fps=30) as camera:
        first = camera.take(20)
        Event().wait(1.0)
        second = camera.take(20)
        assert second.pts - first.pts > Fraction(1, 2)
        assert camera.drops > 3


def test_one_that_is_taken_names_who_took_it():
    with program("v4l2-ctl", "-d", CAMERA, "--stream-mmap", "--stream-count=100000") as other:
        try:
            until(lambda: CAMERA in [os.path.realpath(fd) for fd in _descriptors(other.pid)])
            Event().wait(1.0)  # until it streams
            with pytest.raises(SourceError, match=rf"is in use by v4l2-ctl \(pid {other.pid}\): close it there"):
                open_camera(0, size=SIZE)
        finally:
            other.kill()


def _descriptors(process):
    return list(Path(f"/proc/{process}/fd").iterdir())


def test_the_device_is_free_at_once_after_close():
    for _ in range(3):
        with open_camera(0, size=SIZE) as camera:
            assert camera.take(20) is not None
        assert CAMERA not in [os.path.realpath(fd) for fd in _descriptors(os.getpid())]


def test_the_cable_is_pulled_and_put_in_again():
    with open_camera(0, size=SIZE, fps=30, timeout=3) as camera:
        before = camera.take(20)
        try:
            plug(False)
            until(lambda: camera.take(0.1) is None and camera.lost is not None)
        finally:
            plug(True)
        frames = []
        until(lambda: frames.append(camera.take(0.1)) or (frames[-1] is not None and camera.lost is None))
        assert frames[-1].pts > before.pts
        assert frames[-1].image.shape == before.image.shape
        assert any("lost and opened again" in note for note in camera.notes)
    control(test_pattern=2, osd_text_mode=2, horizontal_movement=3, vertical_movement=3)  # it forgot


def test_closed_while_the_cable_is_out():
    camera = open_camera(0, size=SIZE, timeout=3)
    assert camera.take(20) is not None
    try:
        plug(False)
        until(lambda: camera.take(0.1) is None and camera.lost is not None)
        started = monotonic()
        camera.close()
        assert monotonic() - started < 2
    finally:
        plug(True)


@contextmanager
def feeding(code, pictures, largest):
    """Write pictures to the spare device at some 30 a second, over and over, except while ``silent`` is set."""
    stop, silent = Event(), Event()

    def feed(descriptor):
        while True:
            for picture in pictures:
                if not silent.is_set():
                    os.write(descriptor, picture)
                if stop.wait(0.03):
                    return

    with writer(SPARE, code, *SIZE, largest) as descriptor:
        os.write(descriptor, pictures[0])  # from now on it is a camera
        thread = Thread(target=feed, args=(descriptor,))
        thread.start()
        try:
            yield silent
        finally:
            stop.set()
            thread.join()


def jpeg(value):
    noise = np.random.default_rng(1).integers(0, 40, (SIZE[1], SIZE[0], 3), np.uint8)
    return cv2.imencode(".jpg", noise + np.uint8(value))[1].tobytes()


def test_broken_jpeg_pictures_are_left_out_and_counted():
    whole, cut = jpeg(150), jpeg(20)[:4000]
    with (
        feeding(b"MJPG", [whole, whole, cut], 1 << 20),
        open_camera(SPARE, size=SIZE, format="mjpeg", timeout=30) as camera,
    ):
        frames = list(islice(camera._source, 8))
        assert all(abs(frame.image.mean() - 170) < 8 for frame in frames)  # none is half gray
        assert camera._source.damaged >= 2
        assert any("could not be decoded" in note for note in camera.notes)


def test_one_that_delivers_nothing_is_lost_in_time_and_seen_when_it_goes_on():
    picture = bytes([128]) * (SIZE[0] * SIZE[1] * 2)
    with (
        feeding(b"YUYV", [picture], len(picture)) as silent,
        open_camera(SPARE, size=SIZE, timeout=1.0) as camera,
    ):
        assert camera.take(20) is not None
        silent.set()
        until(lambda: camera.take(0.1) is None and camera.lost is not None)
        silent.clear()
        until(lambda: camera.take(0.1) is not None)


def test_opencv_reads_it_too():
    device = OpenCVDevice("0", SIZE, Fraction(30), "yuyv")
    try:
        assert (device.width, device.height) == SIZE
        assert device.read(1).image.shape == (SIZE[1], SIZE[0], 3)
    finally:
        device.close()
