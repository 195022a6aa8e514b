"""A whole live run, from the kernel's webcam to v4l2loopback, read by a program that is not ours.

The segmenter is a stated test one, without weights and without torch: the left half is the subject. The camera shows
its bars, of which none is the colour of the background.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.config import Config
from livebg.frame import Matte
from livebg.live.session import Session
from tests.devicelab.guest.support import CAMERA, OUTPUT, call, control, plug, program, until

WIDTH, HEIGHT = 320, 180
BYTES = WIDTH * HEIGHT * 3 // 2
GREEN, MAROON = (0, 128, 0), (128, 0, 0)


class LeftHalf:
    """The test segmenter."""

    device = description = "test"

    def segment(self, frame):
        alpha = np.zeros((32, 32), np.float32)
        alpha[:, :16] = 1
        return Matte(alpha)

    def reset(self):
        """Nothing to forget."""


def config(**live):
    return Config().override(
        {
            "live": {
                "camera": CAMERA,
                "capture_size": f"{WIDTH}x{HEIGHT}",
                "fps": 10,
                "virtual_camera": OUTPUT,
                "control": "none",
                "latency": "sync",
                "stale": 20,  # a busy machine must not turn all into slates
                "slate": "color:maroon",
                "caption": "",
                **live,
            },
            "compose": {"background": "color:green"},
        }
    )


@contextmanager
def live(segmenter=None, **options):
    with Session(config(**options), open_network=lambda _: segmenter or LeftHalf(), tell=print) as session:
        yield session


@pytest.fixture(scope="module", autouse=True)
def bars():
    control(test_pattern=2, osd_text_mode=2, horizontal_movement=3, vertical_movement=3)


def read(tmp_path, count=4):
    """What a program in a call sees next."""
    path = tmp_path / "read"
    call("v4l2-ctl", "-d", OUTPUT, "--stream-mmap", f"--stream-count={count}", f"--stream-to={path}", seconds=60)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    assert len(data) == count * BYTES
    return [cv2.cvtColor(each, cv2.COLOR_YUV2RGB_I420) for each in data.reshape(count, HEIGHT * 3 // 2, WIDTH)]


def is_all(picture, colour):
    return np.abs(picture.astype(int) - colour).max() < 12


def is_composed(picture):
    """The camera's white and yellow bars on the left, the background on the right, well away from the edge between."""
    white, yellow = picture[:, 5:35].reshape(-1, 3).mean(0), picture[:, 45:75].reshape(-1, 3).mean(0)
    return (
        np.abs(white - (191, 191, 191)).max() < 12
        and np.abs(yellow - (191, 191, 50)).max() < 12
        and is_all(picture[:, 200:], GREEN)
    )


def shown(session, count=3):
    """Wait for fresh pictures from now on."""
    before = session.statistics.whole()["fresh"]
    until(lambda: session.statistics.whole()["fresh"] >= before + count, 60, session.status)


def test_the_room_is_replaced_and_its_camera_free_afterwards(tmp_path):
    with live() as session:
        shown(session)
        pictures = read(tmp_path)
    assert all(is_composed(each) for each in pictures)
    assert not held() & {CAMERA, OUTPUT}


def test_the_cable_is_pulled_in_a_call_and_put_in_again(tmp_path):
    with live(stale=8) as session:
        shown(session)
        try:
            plug(False)
            until(lambda: session.status()["state"] == "slate", 60)
            until(lambda: is_all(read(tmp_path, 1)[0], MAROON), 60, session.status)  # what was written before is first
            assert all(is_all(each, MAROON) for each in read(tmp_path))
        finally:
            plug(True)
        shown(session)
        control(test_pattern=2, osd_text_mode=2, horizontal_movement=3, vertical_movement=3)  # it forgot
        shown(session)
        assert all(is_composed(each) for each in read(tmp_path))


def test_paused_it_shows_the_slate(tmp_path):
    with live() as session:
        shown(session)
        session.pause(True)
        until(lambda: is_all(read(tmp_path, 1)[0], MAROON), 60, session.status)
        session.pause(False)
        shown(session)
        until(lambda: is_composed(read(tmp_path, 1)[0]), 60, session.status)


def test_a_segmenter_that_fails_shows_the_slate(tmp_path):
    class Failing(LeftHalf):
        fails = False

        def segment(self, frame):
            if self.fails:
                raise RuntimeError("out of memory")
            return super().segment(frame)

    with live(Failing()) as session:
        shown(session)
        Failing.fails = True
        until(lambda: session.status()["state"] == "slate", 60)
        until(lambda: is_all(read(tmp_path, 1)[0], MAROON), 60, session.status)  # what was written before is first
        assert all(is_all(each, MAROON) for each in read(tmp_path))
        Failing.fails = False
        shown(session)
        until(lambda: is_composed(read(tmp_path, 1)[0]), 60, session.status)


def held():
    """The devices that this process has open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed by another thread meanwhile
            found.add(os.readlink(each))  # noqa: PTH115  # a name, not a path: it may be a socket's
    return found


def test_on_demand_the_camera_runs_only_while_somebody_reads(tmp_path):
    with live(on_demand=True) as session:
        for _ in range(2):
            until(lambda: CAMERA not in held(), 40)
            with program("v4l2-ctl", "-d", OUTPUT, "--stream-mmap", "--stream-count=100000") as reader:
                until(lambda: CAMERA in held(), 40)
                shown(session, 1)
                reader.kill()
        until(lambda: CAMERA not in held(), 40)
        assert OUTPUT in held()
