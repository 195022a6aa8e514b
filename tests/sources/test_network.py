from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Event
from time import monotonic

import av
import cv2
import pytest

from livebg.errors import SourceError
from livebg.sources import camera as camera_module
from livebg.sources import open_camera
from livebg.sources.network import without_password
from tests.media import numbered, read_number


class Server(ThreadingHTTPServer):
    """An HTTP camera: JPEG pictures one after the other, as most of them send."""

    daemon_threads = True

    def __init__(self, pictures, *, then=None):
        self.pictures, self.then = pictures, then or Event()
        self.connections = 0
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.connections += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        for picture in self.server.pictures:
            self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(f"Content-Length: {len(picture)}\r\n\r\n".encode() + picture + b"\r\n")
        self.wfile.flush()
        self.server.then.wait(20)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving(pictures, **options):
    with Server(pictures, **options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}/video.mjpg"
        finally:
            server.then.set()
            server.shutdown()
            thread.join()


def jpeg(index, width=320, height=240):
    return cv2.imencode(".jpg", numbered(index, width, height)[..., ::-1])[1].tobytes()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(camera_module, "FIRST_TRY", 0.05)
    yield
    for thread in threading.enumerate():  # one that close() left inside FFmpeg comes back when its own timeout is over
        if thread.name.startswith("read "):
            thread.join(20)
            assert not thread.is_alive()


def read_all(camera, last):
    numbers = []
    deadline = monotonic() + 20
    while (not numbers or numbers[-1] != last) and monotonic() < deadline:
        frame = camera.take(0.2)
        if frame is not None:
            numbers.append(read_number(frame.image))
    return numbers


def test_pictures_over_http_without_the_broken_ones():
    whole = [jpeg(index) for index in range(8)]
    cut, noise = whole[3][: len(whole[3]) // 2], whole[5][:900] + bytes(900)
    pictures = [*whole[:3], cut, whole[4], noise, *whole[6:]]
    with serving(pictures) as (_, address), open_camera(address) as camera:
        seen = [read_number(frame.image) for frame in islice(camera._source, 6)]
        assert seen == [0, 1, 2, 4, 6, 7]
        assert (camera.info.width, camera.info.height) == (320, 240)
        assert any("could not be decoded were left out (2)" in note for note in camera.notes)


def test_a_size_that_changes_on_the_way():
    with serving([jpeg(1), jpeg(2, 480, 240), jpeg(3)]) as (_, address), open_camera(address) as camera:
        frames = [*islice(camera._source, 3)]
        assert {frame.image.shape for frame in frames} == {(240, 320, 3)}
        assert any("another size" in note for note in camera.notes)


def test_a_stream_that_ends_is_asked_for_again():
    ended = Event()
    ended.set()
    with serving([jpeg(1), jpeg(2)], then=ended) as (server, address), open_camera(address) as camera:
        assert read_all(camera, 2)[-1] == 2
        deadline = monotonic() + 10
        while server.connections < 3 and monotonic() < deadline:
            camera.take(0.1)
        assert server.connections >= 3


def test_one_that_falls_silent_is_lost_and_not_waited_for():
    with serving([jpeg(1), jpeg(2)]) as (_, address), open_camera(address, timeout=1.0) as camera:
        assert read_all(camera, 2)[-1] == 2
        deadline = monotonic() + 10
        while camera.lost is None and monotonic() < deadline:
            camera.take(0.1)
        assert camera.lost is not None
        assert "nothing in time" in camera.lost
        started = monotonic()
    assert monotonic() - started < 2.5


def test_nobody_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match=f"cannot read http://127.0.0.1:{port}/: Connection refused"):
        open_camera(f"http://name:secret@127.0.0.1:{port}/")


def test_somebody_there_who_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = monotonic()
        with pytest.raises(SourceError, match=r"sent no picture within 0.5 s"):
            open_camera(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=0.5)
        assert monotonic() - started < 5


def test_passwords_are_not_shown():
    assert without_password("rtsp://me:se@cret@host:554/x?y") == "rtsp://host:554/x?y"


def test_mpeg_over_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = Event()

    def send():
        with av.open(f"udp://127.0.0.1:{port}?pkt_size=1316", "w", format="mpegts") as out:
            video = out.add_stream("mpeg2video", rate=50)
            video.width, video.height, video.pix_fmt, video.gop_size = 64, 48, "yuv420p", 5
            index = 0
            while not stop.wait(0.02):
                picture = av.VideoFrame.from_ndarray(numbered(index % 200), format="rgb24")
                picture.pts = index
                out.mux(video.encode(picture))
                index += 1

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with open_camera(f"udp://127.0.0.1:{port}", timeout=10) as camera:
            numbers = [read_number(camera.take(10).image) for _ in range(10)]
        assert len(set(numbers)) == 10
    finally:
        stop.set()
        sender.join()
