"""What open_camera refuses, and how a camera is lost and found. Real ones are in the device lab."""

from __future__ import annotations

import sys
import threading
from fractions import Fraction
from threading import Event
from time import monotonic

import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.sources import Newest, open_camera
from livebg.sources import camera as camera_module
from livebg.sources.camera import CameraSource
from livebg.sources.capture import Captured
from livebg.sources.devices import CameraDevice, find_camera, holders
from tests.fakes import gradient


class FakeDevice:
    """Gives what it is told: a picture, nothing, or an error; then nothing for ever."""

    name, rate, mode = "fake (/dev/video77)", Fraction(30), "yuyv422 64x48, 30 frames a second"

    def __init__(self, *script, size=(64, 48), damaged=0):
        self.width, self.height = size
        self.script = list(script)
        self.damaged = damaged
        self.closed = 0

    def read(self, seconds):
        if not self.script:
            Event().wait(seconds)
            return None
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if step is None else Captured(step, monotonic())

    def close(self):
        self.closed += 1


class Opener:
    """Opens each of its devices in turn, or raises the error that stands in its place."""

    def __init__(self, *devices):
        self.devices = list(devices)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        device = self.devices.pop(0) if len(self.devices) > 1 else self.devices[0]
        if isinstance(device, Exception):
            raise device
        return device


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(camera_module, "FIRST_TRY", 0.01)
    monkeypatch.setattr(camera_module, "LAST_TRY", 0.02)


PICTURE = gradient(48, 64)


def test_a_cable_that_is_pulled_and_put_in_again():
    opener = Opener(
        FakeDevice(PICTURE, SourceError("fake is gone")),
        SourceError("fake is not there: plug it in"),
        SourceError("fake is not there: plug it in"),
        FakeDevice(PICTURE, PICTURE),
    )
    first = opener.devices[0]
    with CameraSource("fake", opener) as source:
        frames = iter(source)
        before = next(frames)
        assert source.lost is None
        after = next(frames)  # comes by itself
        assert source.lost is None
        assert after.pts > before.pts
        assert (before.index, after.index) == (0, 1)
        assert source.losses == 1
        assert any("lost and opened again (1x)" in note for note in source.notes)
    assert first.closed == 1
    assert opener.calls == 4


def test_while_it_is_lost_no_frame_comes_and_the_reason_is_told():
    opener = Opener(FakeDevice(PICTURE, SourceError("fake is gone")), SourceError("fake is not there: plug it in"))
    with Newest(CameraSource("fake", opener)) as newest:
        assert newest.take(5) is not None
        assert newest.take(0.3) is None
        assert newest.lost == "fake is not there: plug it in"
        assert not newest.ended


def test_one_that_delivers_nothing_is_opened_again():
    silent, works = FakeDevice(PICTURE), FakeDevice(PICTURE)
    with CameraSource("fake", Opener(silent, works), timeout=0.1) as source:
        frames = iter(source)
        next(frames)
        next(frames)
        assert source.losses == 1
    assert silent.closed == works.closed == 1


def test_one_that_delivers_only_damaged_pictures_counts_as_silent():
    broken = FakeDevice(PICTURE, *[None] * 3, damaged=3)
    with CameraSource("fake", Opener(broken, FakeDevice(PICTURE)), timeout=0.1) as source:
        frames = iter(source)
        next(frames)
        next(frames)
        assert source.damaged == 3
        assert any("could not be decoded were left out (3)" in note for note in source.notes)


def test_pictures_of_another_size_are_scaled_to_the_first_ones():
    device = FakeDevice(PICTURE, gradient(96, 64), gradient(1, 1), PICTURE)
    with CameraSource("fake", Opener(device)) as source:
        frames = iter(source)
        sizes = {next(frames).image.shape for _ in range(4)}
        assert sizes == {(48, 64, 3)}
        assert any("of another size were scaled to fill 64x48 (2)" in note for note in source.notes)


def test_it_says_what_it_gives_where_that_is_not_what_was_asked_for():
    with CameraSource("fake", Opener(FakeDevice()), asked=((1280, 720), Fraction(30))) as source:
        assert (source.info.width, source.info.height, source.info.rate) == (64, 48, 30)
        assert "gives yuyv422 64x48, 30 frames a second; asked for 1280x720, 30" in source.notes[0]


def test_times_increase_although_a_driver_repeats_a_stamp():
    class Still(FakeDevice):
        def read(self, seconds):
            return Captured(PICTURE, 5.0)

    with CameraSource("fake", Opener(Still())) as source:
        frames = iter(source)
        times = [next(frames).pts for _ in range(3)]
        assert times == [0, Fraction(1, 1_000_000), Fraction(2, 1_000_000)]


def test_the_first_opening_must_succeed():
    with pytest.raises(SourceError, match="in use by zoom"):
        CameraSource("fake", Opener(SourceError("fake is in use by zoom")))


@pytest.mark.parametrize("state", ["reading", "lost"])
def test_close_from_another_thread_is_quick_and_frees_the_device(monkeypatch, state):
    monkeypatch.setattr(camera_module, "FIRST_TRY", 60.0)
    device = FakeDevice(PICTURE) if state == "reading" else FakeDevice(PICTURE, SourceError("gone"))
    newest = Newest(CameraSource("fake", Opener(device)))
    assert newest.take(5) is not None
    newest.take(0.1)
    started = monotonic()
    newest.close()
    assert monotonic() - started < 2
    assert device.closed == 1
    assert not newest._thread.is_alive()


def test_ctrl_c_in_the_loop_frees_the_device():
    device = FakeDevice(PICTURE, PICTURE)

    def use():
        with CameraSource("fake", Opener(device)) as source:
            for _ in source:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert device.closed == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux")
class TestOnLinux:
    def test_a_device_that_is_not_there(self):
        with pytest.raises(SourceError, match=r"/dev/video77 does not exist: this system has"):
            open_camera(77)

    def test_a_name_that_no_camera_has(self):
        with pytest.raises(SourceError, match="there is no camera No Such Camera: this system has"):
            open_camera("No Such Camera")

    def test_a_device_that_is_no_camera(self):
        with pytest.raises(SourceError, match="/dev/null"):
            open_camera("/dev/null")

    def test_names_match_in_part_and_must_be_clear(self, monkeypatch):
        found = [CameraDevice("/dev/video0", "Integrated Camera"), CameraDevice("/dev/video2", "USB Camera")]
        monkeypatch.setattr("livebg.sources.devices.cameras", lambda: found)
        assert find_camera("usb").address == "/dev/video2"
        assert find_camera("integrated camera").address == "/dev/video0"
        with pytest.raises(SourceError, match="Camera may be Integrated Camera or USB Camera"):
            find_camera("Camera")

    def test_who_holds_a_device(self, tmp_path):
        import subprocess

        file = tmp_path / "device"
        file.touch()
        with file.open("rb") as held, subprocess.Popen(["sleep", "60"], stdin=held) as process:
            try:
                assert holders(str(file)) == [f"sleep (pid {process.pid})"]
            finally:
                process.kill()
        assert holders(str(file)) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fps": 0}, "must be above 0"),
        ({"size": (0, 720)}, "must be above 0"),
        ({"format": "h265"}, "no camera format h265: choose one of auto, mjpeg"),
    ],
)
def test_requests_that_make_no_sense(arguments, said):
    with pytest.raises(UsageError, match=said):
        open_camera("test", **arguments)


def test_an_address_of_another_kind():
    with pytest.raises(UsageError, match="begins with rtsp"):
        open_camera("ftp://user:secret@host/camera")


def test_what_a_device_may_do_in_a_thread_ends_with_it():
    with Newest(CameraSource("fake", Opener(FakeDevice(*[np.copy(PICTURE)] * 9)))) as newest:
        assert newest.take(5) is not None
    assert not [thread.name for thread in threading.enumerate() if thread.name == "read fake"]
