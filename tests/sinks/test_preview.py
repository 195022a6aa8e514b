"""The preview on a real X server without a screen, whose pixels are read back."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks.preview import PreviewWindow, open_preview

needs_x = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb not installed (apt install xvfb)")
# Of a hundred windows one or two stay black under Xvfb, though it says that they are viewable; resizing them does not
# help. Until that is understood those who look at the pixels do not decide about every commit.
looks = pytest.mark.slow
WIDTH, HEIGHT = 160, 120
ORANGE, TEAL = (250, 130, 10), (10, 120, 130)


class Screen:
    """An X server whose screen is a file (X window dump)."""

    def __init__(self, folder: Path) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-fbdir", folder, "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as said:
            self.display = f":{said.readline().strip()}"
        self._file = folder / "Xvfb_screen0"

    def pixels(self) -> np.ndarray:
        """What it shows, (H, W, 3) RGB."""
        dump = self._file.read_bytes()
        header = struct.unpack(">25I", dump[:100])
        width, height, line, colours = header[4], header[5], header[12], header[19]
        start = header[0] + 12 * colours
        rows = np.frombuffer(dump, np.uint8, height * line, start).reshape(height, line)
        return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]

    def shows(self, colour: tuple[int, int, int]) -> int:
        """How many pixels have that colour."""
        return int(np.all(self.pixels() == colour, axis=-1).sum())

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10)


@pytest.fixture
def screen(tmp_path, monkeypatch):
    """A server of its own for each test: what one window leaves behind is not the next one's affair."""
    screen = Screen(tmp_path)
    monkeypatch.setenv("DISPLAY", screen.display)
    yield screen
    screen.close()


def plain(colour: tuple[int, int, int], width: int = WIDTH, height: int = HEIGHT) -> Frame:
    return Frame(np.full((height, width, 3), colour, np.uint8))


def show_until(sink, frame: Frame, condition, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it was never shown"
        sink.write(frame)
        time.sleep(1 / 30)


@looks
@needs_x
def test_it_shows_the_pictures_and_goes(screen):
    with open_preview(WIDTH, HEIGHT) as sink:
        for colour in (ORANGE, TEAL):
            show_until(sink, plain(colour), lambda colour=colour: screen.shows(colour) > WIDTH * HEIGHT * 0.8)
        sink.finish()
    assert screen.shows(TEAL) == 0


@looks
@needs_x
def test_a_large_picture_is_shown_smaller(screen):
    with open_preview(2560, 1440) as sink:
        show_until(sink, plain(ORANGE, 2560, 1440), lambda: screen.shows(ORANGE) > 10_000)
        assert sink._sink._small.shape == (720, 1280, 3)


@looks
@needs_x
@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool not installed (apt install xdotool)")
def test_a_window_that_the_user_closes_is_told(screen):
    with open_preview(WIDTH, HEIGHT) as sink:
        show_until(sink, plain(ORANGE), lambda: screen.shows(ORANGE) > 0)
        found = subprocess.run(
            ["xdotool", "search", "--name", "^livebg$"], capture_output=True, text=True, check=True, timeout=10
        )
        for window in found.stdout.split():
            subprocess.run(["xdotool", "windowfocus", window, "key", "Escape"], check=True, timeout=10)
        with pytest.raises(SinkError, match="the preview window ended: the window was closed"):
            show_until(sink, plain(ORANGE), lambda: False, 10)


@needs_x
def test_a_window_that_hangs_is_closed_in_time(screen):
    sink = open_preview(640, 480)
    child = sink._sink._child._process.pid
    os.kill(child, signal.SIGSTOP)
    for _ in range(10):
        sink.write(plain(ORANGE, 640, 480))
    started = time.monotonic()
    sink.close()
    assert time.monotonic() - started < 2
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_no_display_is_one_line(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match="there is no display for a preview window: DISPLAY and WAYLAND_DISPLAY"):
        open_preview(WIDTH, HEIGHT)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_a_display_that_does_not_answer_is_an_error_and_not_an_abort(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(
        SinkError, match=r"the preview window did not start: .*no Qt platform plugin could be initialized"
    ):
        open_preview(WIDTH, HEIGHT)


@needs_x
def test_a_frame_of_another_size_is_refused(screen):
    with PreviewWindow(WIDTH, HEIGHT) as window, pytest.raises(SinkError, match="opened for RGB of 160x120"):
        window.write(plain(ORANGE, 10, 10))
