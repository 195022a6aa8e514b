"""livebg's virtual camera on v4l2loopback, read back by programs that are not ours."""

from __future__ import annotations

from fractions import Fraction
from threading import Event, Thread

import cv2
import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks.virtual_camera import VirtualCamera
from livebg.sources.pattern import PatternSource, read_number
from tests.devicelab.guest.support import OUTPUT, call, program, until

WIDTH, HEIGHT = 320, 180
BYTES = WIDTH * HEIGHT * 3 // 2


def pictures(path):
    """I420 pictures that a reader has stored, as RGB."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    whole = data[: len(data) // BYTES * BYTES].reshape(-1, HEIGHT * 3 // 2, WIDTH)
    return [cv2.cvtColor(each, cv2.COLOR_YUV2RGB_I420) for each in whole]


@pytest.fixture
def running():
    """A virtual camera that shows a numbered pattern at 20 a second, and all that it was given."""
    stop, shown = Event(), {}
    with (
        PatternSource(WIDTH, HEIGHT, Fraction(20)) as source,
        VirtualCamera(WIDTH, HEIGHT, Fraction(20), device=OUTPUT) as output,
    ):

        def show():
            for frame in source:
                if stop.is_set():
                    return
                shown[read_number(frame.image)] = frame.image
                output.write(frame)

        thread = Thread(target=show)
        thread.start()
        until(lambda: shown)
        try:
            yield shown
        finally:
            stop.set()
            thread.join()


def matches(read, shown):
    """Each picture that was read is, but for colour coding, the one of its number that was shown, in order."""
    numbers = [read_number(picture) for picture in read]
    assert numbers == sorted(numbers)
    for number, picture in zip(numbers, read, strict=True):
        assert np.abs(picture.astype(int) - shown[number]).mean() < 6
    return numbers


def test_what_is_shown_is_what_another_program_reads_picture_by_picture(running, tmp_path):
    path = tmp_path / "read"
    call("v4l2-ctl", "-d", OUTPUT, "--stream-mmap", "--stream-count=12", f"--stream-to={path}")
    read = pictures(path)
    assert len(read) == 12
    assert len(set(matches(read, running))) > 6


def test_two_readers_at_once_see_the_same(running, tmp_path):
    paths = [tmp_path / "one", tmp_path / "two"]
    readers = [
        program("v4l2-ctl", "-d", OUTPUT, "--stream-mmap", "--stream-count=12", f"--stream-to={path}") for path in paths
    ]
    for reader in readers:
        said, _ = reader.communicate(timeout=40)
        assert reader.returncode == 0, said
    first, second = (matches(pictures(path), running) for path in paths)
    assert set(first) & set(second)


def test_readers_come_and_go(running, tmp_path):
    for _ in range(3):
        path = tmp_path / "read"
        call("v4l2-ctl", "-d", OUTPUT, "--stream-mmap", "--stream-count=3", f"--stream-to={path}")
        assert len(matches(pictures(path), running)) == 3


def test_it_offers_itself_as_a_camera_while_it_shows_and_not_after(running):
    assert "Video Capture" in call("v4l2-ctl", "-d", OUTPUT, "--info")


def test_the_device_is_free_at_once_after_close():
    for _ in range(3):
        with VirtualCamera(WIDTH, HEIGHT, Fraction(20), device=OUTPUT) as output:
            output.write(Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))


def test_a_device_that_is_not_there():
    with pytest.raises(SinkError, match="/dev/video77"):
        VirtualCamera(WIDTH, HEIGHT, Fraction(20), device="/dev/video77")
