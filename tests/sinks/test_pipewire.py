"""A real PipeWire daemon, a real node, and a second program that reads it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks.pipewire import NODE, PipeWireCamera, missing, open_pipewire
from tests.sinks.pipewire_session import Reader, await_, dump, session, why_not

_WHY_NOT = why_not()
needs_pipewire = pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or "")

WIDTH, HEIGHT, RATE = 320, 180, Fraction(30)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with session(tmp_path_factory.mktemp("pipewire")) as environment:
        yield environment


@pytest.fixture
def desktop(daemon, monkeypatch):
    for key in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_STATE_HOME"):
        monkeypatch.setenv(key, daemon[key])
    return daemon


def picture(index: int) -> Frame:
    """Noise under a number: 8 stripes, dark or bright, are the bits of the index."""
    image = np.random.default_rng(index).integers(90, 160, (HEIGHT // 4, WIDTH // 4, 3), np.uint8)
    image = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    for bit in range(8):
        image[:20, bit * 40 : bit * 40 + 40] = 235 if index >> bit & 1 else 20
    return Frame(image, pts=Fraction(index, 30), index=index)


def number(planes: np.ndarray) -> int:
    return sum(int(planes[10, bit * 40 + 20] > 128) << bit for bit in range(8))


class Feeder:
    """Writes at 30 a second from a thread until it is stopped; keeps the longest that one write took."""

    def __init__(self, sink) -> None:
        self.sink, self.longest, self.written, self.error = sink, 0.0, 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def _feed(self) -> None:
        while not self._stop.wait(1 / 30):
            frame = picture(self.written % 256)
            started = time.perf_counter()
            try:
                self.sink.write(frame)
            except SinkError as error:
                self.error = error
                return
            self.longest = max(self.longest, time.perf_counter() - started)
            self.written += 1


@needs_pipewire
def test_another_program_reads_every_picture_as_it_was_sent(desktop, tmp_path):
    with open_pipewire(WIDTH, HEIGHT, RATE) as sink, Feeder(sink):
        reader = Reader(desktop, tmp_path / "read.raw", 40)
        pictures = reader.pictures(WIDTH, HEIGHT)
    assert len(pictures) == 40
    numbers = [number(planes) for planes in pictures]
    steps = np.diff(numbers) % 256
    assert np.all(steps >= 1)  # in order, none twice
    assert np.median(steps) == 1
    for index, planes in zip(numbers, pictures, strict=True):
        sent = cv2.cvtColor(picture(index).image, cv2.COLOR_RGB2YUV_I420)
        assert np.array_equal(planes, sent)


@needs_pipewire
def test_it_is_listed_as_a_camera_and_goes_when_closed(desktop):
    sink = open_pipewire(WIDTH, HEIGHT, RATE)
    try:
        sink.write(picture(0))
        await_(lambda: nodes(desktop))
        (node,) = nodes(desktop)
        assert node["media.class"] == "Video/Source"
        assert node["media.role"] == "Camera"
        assert node["node.description"] == "livebg"
    finally:
        started = time.monotonic()
        sink.close()
        assert time.monotonic() - started < 2
        sink.close()
    await_(lambda: not nodes(desktop))


def nodes(environment) -> list[dict[str, str]]:
    objects = json.loads(dump(environment) or b"[]")
    found = [each["info"]["props"] for each in objects if each["type"].endswith(":Node") and each.get("info")]
    return [props for props in found if props.get("node.name") == NODE]


@needs_pipewire
def test_readers_come_and_go_and_two_read_at_once(desktop, tmp_path):
    with open_pipewire(WIDTH, HEIGHT, RATE) as sink, Feeder(sink) as feeder:
        assert len(Reader(desktop, tmp_path / "first", 10).pictures(WIDTH, HEIGHT)) == 10
        both = [Reader(desktop, tmp_path / name, 15) for name in ("second", "third")]
        for reader in both:
            assert len(reader.pictures(WIDTH, HEIGHT)) == 15
        before = feeder.written
        await_(lambda: feeder.written > before + 10)  # nobody reads: nothing stands still
    assert feeder.error is None


@needs_pipewire
@pytest.mark.slow
def test_a_reader_that_is_killed_costs_a_restart_and_no_call(desktop, tmp_path):
    with open_pipewire(WIDTH, HEIGHT, RATE) as sink, Feeder(sink) as feeder:
        first = Reader(desktop, tmp_path / "killed", 1000)
        await_(lambda: (tmp_path / "killed").exists() and (tmp_path / "killed").stat().st_size > 0)
        first.close()
        time.sleep(5)  # longer than patience; where the child did not hang, nothing happens
        assert len(Reader(desktop, tmp_path / "next", 10).pictures(WIDTH, HEIGHT)) == 10
    assert feeder.error is None


def child_of(sink) -> int:
    return sink._sink._child._process.pid


@needs_pipewire
def test_a_child_that_dies_is_an_error_with_its_last_words_and_a_new_one_works(desktop, tmp_path):
    with open_pipewire(WIDTH, HEIGHT, RATE) as sink, Feeder(sink) as feeder:
        await_(lambda: feeder.written > 3)
        os.kill(child_of(sink), signal.SIGKILL)
        await_(lambda: feeder.error is not None)
    assert "the PipeWire camera ended" in str(feeder.error)
    with open_pipewire(WIDTH, HEIGHT, RATE) as sink, Feeder(sink):
        assert len(Reader(desktop, tmp_path / "again", 5).pictures(WIDTH, HEIGHT)) == 5


@needs_pipewire
def test_a_stopped_child_holds_up_nobody_and_is_replaced(desktop, tmp_path):
    camera = PipeWireCamera(WIDTH, HEIGHT, RATE)
    from livebg.sinks.drop_oldest import DropOldest

    with DropOldest(camera, interrupt=camera.interrupt, patience=0.5) as sink, Feeder(sink) as feeder:
        await_(lambda: feeder.written > 3)
        os.kill(child_of(sink), signal.SIGSTOP)
        await_(lambda: camera.notes)
        assert camera.notes == ["the PipeWire camera hung and was started again, 1 times"]
        assert sink.dropped > 5
        assert len(Reader(desktop, tmp_path / "after", 5).pictures(WIDTH, HEIGHT)) == 5
    assert feeder.error is None


@needs_pipewire
def test_closing_a_stopped_child_takes_less_than_two_seconds(desktop):
    sink = open_pipewire(WIDTH, HEIGHT, RATE)
    child = child_of(sink)
    os.kill(child, signal.SIGSTOP)
    for index in range(20):
        sink.write(picture(index))
    started = time.monotonic()
    sink.close()
    assert time.monotonic() - started < 2
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@needs_pipewire
def test_no_daemon_is_one_line_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(SinkError, match="Failed to connect; no PipeWire daemon answers: start it with systemctl"):
        open_pipewire(WIDTH, HEIGHT, RATE)


def test_no_gstreamer_names_the_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SinkError, match="sudo apt install pipewire wireplumber"):
        open_pipewire(WIDTH, HEIGHT, RATE)
    assert "gst-launch-1.0 is missing" in missing()


@needs_pipewire
def test_a_missing_plugin_names_the_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("GST_PLUGIN_SYSTEM_PATH_1_0", str(tmp_path))
    monkeypatch.setenv("GST_REGISTRY", str(tmp_path / "registry"))
    with pytest.raises(SinkError, match=r"a part of GStreamer is missing: sudo apt install .*gstreamer1.0-pipewire"):
        open_pipewire(WIDTH, HEIGHT, RATE)


@needs_pipewire
def test_a_frame_of_another_size_is_refused(desktop):
    with PipeWireCamera(WIDTH, HEIGHT, RATE) as camera, pytest.raises(SinkError, match="opened for RGB of 320x180"):
        camera.write(Frame(np.zeros((10, 10, 3), np.uint8)))


@needs_pipewire
def test_nothing_is_left_after_many_openings(desktop):
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(3):
        with open_pipewire(WIDTH, HEIGHT, RATE) as sink:
            sink.write(picture(0))
            sink.finish()
            with pytest.raises(SinkError, match="finished or closed"):
                sink.write(picture(1))
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    running = subprocess.run(["pgrep", "-P", str(os.getpid()), "gst-launch"], capture_output=True, check=False)
    assert running.stdout == b""
