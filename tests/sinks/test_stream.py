"""Streams to real receivers: MPEG-TS over UDP, RTMP, SRT."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from livebg.errors import SinkError, UsageError
from livebg.frame import Frame
from livebg.sinks.stream import StreamSink, check_stream, open_stream
from tests.fakes import gradient

WIDTH, HEIGHT, RATE = 128, 96, Fraction(30)


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def picture(index: int) -> Frame:
    """A gradient under a gray level that says which it is."""
    image = gradient(HEIGHT, WIDTH)
    image[: HEIGHT // 2] = 20 + 4 * (index % 50)
    return Frame(image, pts=Fraction(index, 30), index=index)


def level(image: np.ndarray) -> int:
    return round((float(image[: HEIGHT // 4].mean()) - 20) / 4)


class Receiver:
    """Reads ``count`` pictures from an address in a thread."""

    def __init__(self, url: str, count: int, options: dict[str, str] | None = None) -> None:
        self.images: list[np.ndarray] = []
        self.times: list[Fraction] = []
        self.kinds: list[str] = []
        self.error: Exception | None = None
        self._arguments = url, count, options or {}
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        url, count, options = self._arguments
        try:
            with av.open(url, options=options, timeout=20) as container:
                self.kinds = [stream.type for stream in container.streams]
                for frame in container.decode(video=0):
                    self.images.append(frame.to_ndarray(format="rgb24"))
                    self.times.append(frame.pts * frame.time_base)
                    if len(self.images) >= count:
                        return
        except av.FFmpegError as error:
            self.error = error


def feed(sink, receiver: Receiver, seconds: float = 20) -> int:
    """Write at 30 a second until the receiver has what it wants; gives how many were written."""
    until, index = time.monotonic() + seconds, 0
    while receiver.thread.is_alive() and time.monotonic() < until:
        sink.write(picture(index))
        index += 1
        time.sleep(1 / 30)
    assert not receiver.thread.is_alive(), f"received {len(receiver.images)}"
    return index


def check(receiver: Receiver, count: int) -> None:
    assert receiver.error is None
    assert len(receiver.images) == count
    levels = [level(image) for image in receiver.images]
    steps = np.diff(levels) % 50
    assert np.all(steps >= 1), levels
    expected = [Fraction(int(step), 30) for step in steps]
    spacing = np.diff([float(each) for each in receiver.times])
    assert np.allclose(spacing, [float(each) for each in expected], atol=0.002)  # FLV ticks in milliseconds
    for image, each in zip(receiver.images, levels, strict=True):
        assert np.abs(image.astype(int) - picture(each).image).mean() < 6


def test_mpeg_ts_over_udp():
    port = free_port(socket.SOCK_DGRAM)
    receiver = Receiver(f"udp://127.0.0.1:{port}", 30)
    with open_stream(f"udp://127.0.0.1:{port}", WIDTH, HEIGHT, RATE) as sink:
        feed(sink, receiver)
        sink.finish()
        with pytest.raises(SinkError, match="finished or closed"):
            sink.write(picture(0))
    check(receiver, 30)
    assert receiver.kinds == ["video"]
    assert sink.notes == []


def test_rtmp_has_silence_beside_the_picture():
    url = f"rtmp://127.0.0.1:{free_port(socket.SOCK_STREAM)}/live/secret-key"
    receiver = Receiver(url, 30, {"listen": "1"})
    sink = eventually(lambda: open_stream(url, WIDTH, HEIGHT, RATE))
    with sink:
        feed(sink, receiver)
    check(receiver, 30)
    assert sorted(receiver.kinds) == ["audio", "video"]


def eventually(make, seconds: float = 15):
    """Until nothing refuses: the receiver may not be listening yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            return make()
        except SinkError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def has_srt() -> bool:
    if shutil.which("ffmpeg") is None:
        return False
    found = subprocess.run(["ffmpeg", "-protocols"], capture_output=True, timeout=20, check=False)
    return b"srt" in found.stdout


@pytest.mark.skipif(not has_srt(), reason="no ffmpeg with SRT (apt install ffmpeg)")
def test_srt_through_the_systems_ffmpeg(tmp_path):
    port, out = free_port(socket.SOCK_DGRAM), tmp_path / "received.ts"
    listener = subprocess.Popen(
        ["ffmpeg", "-loglevel", "error", "-y", "-i", f"srt://127.0.0.1:{port}?mode=listener", "-c", "copy", out],
        stdin=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        with open_stream(f"srt://127.0.0.1:{port}", WIDTH, HEIGHT, RATE) as sink:
            for index in range(75):
                sink.write(picture(index))
                time.sleep(1 / 30)
            sink.finish()
        listener.wait(20)
    finally:
        listener.kill()
        listener.wait()
    with av.open(str(out)) as container:
        levels = [level(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert len(levels) > 40
    assert np.all(np.diff(levels) % 50 >= 1)


def test_nobody_at_the_address_is_one_line_without_the_key():
    url = f"rtmp://127.0.0.1:{free_port(socket.SOCK_STREAM)}/live/secret-key"
    with pytest.raises(SinkError, match=r"the stream to rtmp://127.0.0.1 did not start: error: Connection refused"):
        open_stream(url, WIDTH, HEIGHT, RATE)
    with pytest.raises(SinkError) as raised:
        open_stream(url, WIDTH, HEIGHT, RATE)
    assert "secret" not in str(raised.value)


def test_a_receiver_that_goes_and_returns_gets_the_stream_again_and_it_is_said_once():
    url = f"rtmp://127.0.0.1:{free_port(socket.SOCK_STREAM)}/live/key"
    first = Receiver(url, 5, {"listen": "1"})
    with eventually(lambda: open_stream(url, WIDTH, HEIGHT, RATE)) as sink:
        feed(sink, first)
        second = Receiver(url, 5, {"listen": "1"})
        feed(sink, second, 40)
        (note,) = sink._sink.notes
    assert "the stream to rtmp://127.0.0.1 was lost 1 times" in note
    assert "key" not in note
    assert len(second.images) == 5


def test_an_encoder_that_hangs_holds_up_nobody_and_is_closed_in_time():
    port = free_port(socket.SOCK_DGRAM)
    stream = StreamSink(f"udp://127.0.0.1:{port}", 1280, 720, RATE)
    from livebg.sinks.drop_oldest import DropOldest

    sink = DropOldest(stream, depth=4, interrupt=stream.interrupt)
    child = stream._child._process.pid
    os.kill(child, signal.SIGSTOP)
    image = np.zeros((720, 1280, 3), np.uint8)
    for index in range(30):
        sink.write(Frame(image, index=index))
    assert sink.dropped > 20
    started = time.monotonic()
    sink.close()
    assert time.monotonic() - started < 2
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert "frames came too fast and were dropped" in sink.notes[-1]


def test_a_killed_encoder_is_started_again():
    port = free_port(socket.SOCK_DGRAM)
    with open_stream(f"udp://127.0.0.1:{port}", WIDTH, HEIGHT, RATE) as sink:
        os.kill(sink._sink._child._process.pid, signal.SIGKILL)
        receiver = Receiver(f"udp://127.0.0.1:{port}", 10)
        feed(sink, receiver)
    assert len(receiver.images) == 10


def test_odd_sizes_and_times_that_stand_still_are_sent():
    port = free_port(socket.SOCK_DGRAM)
    receiver = Receiver(f"udp://127.0.0.1:{port}", 10)
    with open_stream(f"udp://127.0.0.1:{port}", 63, 47, RATE) as sink:
        until = time.monotonic() + 20
        while receiver.thread.is_alive() and time.monotonic() < until:
            sink.write(Frame(gradient(47, 63), pts=Fraction(5)))
            time.sleep(1 / 30)
    assert receiver.images[0].shape == (48, 64, 3)


@pytest.mark.parametrize("url", ["http://here/there", "udp://", "call.mp4", "", "rtmp:/host/app"])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(UsageError, match="begins with one of rtmp://, rtmps://, srt://, udp://"):
        check_stream(url)


def test_a_frame_of_another_size_is_an_error():
    with open_stream("udp://127.0.0.1:9", WIDTH, HEIGHT, RATE) as sink:
        sink.write(Frame(np.zeros((8, 8, 3), np.uint8)))
        with pytest.raises(SinkError, match="opened for RGB of 128x96"):
            write_many(sink)


def write_many(sink) -> None:
    for index in range(100):
        sink.write(picture(index))
        time.sleep(0.02)
