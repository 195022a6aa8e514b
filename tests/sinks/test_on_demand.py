"""Who reads the virtual camera: by /proc and by PipeWire here; v4l2loopback's event is tried in the device lab."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
import threading
from fractions import Fraction

import pytest

from livebg.errors import SinkError, UsageError
from livebg.frame import Frame
from livebg.sinks.on_demand import EventReaders, OpenReaders, PipeWireReaders, _objects, open_readers
from livebg.sinks.pipewire import open_pipewire
from tests.fakes import gradient
from tests.sinks.pipewire_session import Reader, await_, session, why_not

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can know")
_WHY_NOT = why_not()


def holder(path) -> subprocess.Popen[bytes]:
    """Another process that has the file open once it says so."""
    code = f"import sys, time; f = open({str(path)!r}); print(flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate(timeout=20)


def test_another_process_that_holds_it_open_is_a_reader(tmp_path):
    device = tmp_path / "video9"
    device.touch()
    readers = OpenReaders(str(device))
    with device.open():  # this process itself is none
        assert not readers.wait(0.6)
    process = holder(device)
    assert readers.wait(20)
    assert readers.present
    end(process)
    assert not readers.present


def test_who_is_found_once_only_listed_the_cameras(tmp_path):
    device = tmp_path / "video9"
    device.touch()
    readers = OpenReaders(str(device))
    process = holder(device)
    assert not readers.present
    end(process)
    assert not readers.present


def test_a_link_to_the_device_is_followed(tmp_path):
    (tmp_path / "video9").touch()
    (tmp_path / "camera").symlink_to("video9")
    readers = OpenReaders(str(tmp_path / "camera"))
    process = holder(tmp_path / "video9")
    assert readers.wait(20)
    end(process)


def test_waiting_ends_while_the_reader_comes(tmp_path):
    device = tmp_path / "video9"
    device.touch()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(OpenReaders(str(device)).wait(30)))
    thread.start()
    process = holder(device)
    thread.join(20)
    assert seen == [True]
    end(process)


def test_a_device_that_goes_is_an_error(tmp_path):
    device = tmp_path / "video9"
    device.touch()
    readers = OpenReaders(str(device))
    device.unlink()
    with pytest.raises(SinkError, match="video9 cannot be watched: No such file"):
        readers.wait(5)


def test_a_device_without_the_event_is_watched_by_proc():
    readers = open_readers("/dev/null")  # refuses the subscription as v4l2loopback 0.12 does
    assert isinstance(readers, OpenReaders)


def test_what_cannot_be_watched_is_said():
    with pytest.raises(SinkError, match="/dev/video77 cannot be watched: No such file"):
        open_readers("/dev/video77")
    with pytest.raises(UsageError, match=r"OBS Virtual Camera cannot be known .* leave out --on-demand"):
        open_readers("OBS Virtual Camera")


class Module:
    """What v4l2loopback 0.15 answers to the two requests, on a pipe whose end stands for the device."""

    def __init__(self) -> None:
        self.count, self.waiting, self.subscriptions, self.error = 0, [], [], None

    def ioctl(self, descriptor, request, argument):
        if self.error is not None:
            raise self.error
        if request == 0x4020565A:
            kind, number, flags, *rest = struct.unpack("=8I", argument)
            assert (kind, number, flags, rest) == (0x10E00001, 0, 1, [0] * 5)
            self.subscriptions.append(descriptor)
            self.waiting = [self.count]
            return argument
        assert request == 0x80885659
        assert len(argument) == 136
        if not self.waiting:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return struct.pack("=IIII", 0x10E00001, 0, self.waiting.pop(0), 0) + bytes(120)


@pytest.fixture
def module(monkeypatch, tmp_path):
    import fcntl

    device = tmp_path / "video9"
    device.touch()
    fake = Module()
    monkeypatch.setattr(fcntl, "ioctl", fake.ioctl)
    fake.device = str(device)
    return fake


def test_the_event_tells_the_present_state(module):
    readers = EventReaders(module.device)
    assert not readers.present
    module.count = 1
    assert readers.present
    assert readers.wait(10)
    module.count = 0
    assert not readers.present


def test_the_newest_of_several_events_counts(module, monkeypatch):
    readers = EventReaders(module.device)
    original = module.ioctl

    def two(descriptor, request, argument):
        answer = original(descriptor, request, argument)
        if request == 0x4020565A:
            module.waiting = [0, 1]
        return answer

    import fcntl

    monkeypatch.setattr(fcntl, "ioctl", two)
    assert readers.present


def test_a_missed_event_is_made_good_by_a_new_subscription(module):
    readers = EventReaders(module.device)
    threading.Timer(0.2, lambda: setattr(module, "count", 1)).start()  # no event is queued for it
    assert readers.wait(10)
    assert len(module.subscriptions) >= 2


def test_no_descriptor_is_left(module):
    readers = EventReaders(module.device)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        assert not readers.wait(0.01)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_device_that_stops_telling_is_an_error(module):
    readers = EventReaders(module.device)
    module.error = OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    with pytest.raises(SinkError, match="video9 no longer tells who reads it: No such device"):
        readers.wait(5)


@pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or "")
def test_pipewire_tells_who_reads(tmp_path, monkeypatch):
    with session(tmp_path) as environment:
        for key in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(key, environment[key])
        with open_pipewire(64, 48, Fraction(30)) as sink:
            readers = open_readers(sink.device)
            assert isinstance(readers, PipeWireReaders)
            stop = threading.Event()

            def feed() -> None:
                while not stop.wait(1 / 30):
                    sink.write(Frame(gradient(48, 64)))

            feeder = threading.Thread(target=feed)
            feeder.start()
            try:
                assert not readers.wait(0.3)
                reader = Reader(environment, tmp_path / "read", 1000)
                assert readers.wait(20)
                reader.process.terminate()
                reader.process.wait(10)
                await_(lambda: not readers.present)
            finally:
                stop.set()
                feeder.join(10)


def test_what_changes_while_pipewire_tells_comes_after_it_list_by_list():
    first = [{"id": 1, "type": "T:Node", "info": {"a": 1}}, {"id": 2, "type": "T:Link", "info": {"b": 2}}]
    later = [{"id": 2, "info": None}, {"id": 3, "type": "T:Link", "info": {}}, {"id": 1, "info": {"c": 3}}]
    said = json.dumps(first, indent=2) + "\n" + json.dumps(later) + "\n[]\n"
    assert _objects(said) == [{"id": 1, "type": "T:Node", "info": {"a": 1, "c": 3}}, later[1]]
    with pytest.raises(ValueError, match="Expecting"):
        _objects(said + "nonsense")


def test_no_daemon_and_no_program_are_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SinkError, match="pw-dump is missing"):
        PipeWireReaders()


@pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or "")
def test_no_daemon_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(SinkError, match="no PipeWire daemon answers"):
        PipeWireReaders()
