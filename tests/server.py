"""A web server on 127.0.0.1 that can behave badly on purpose."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class WebServer:
    """Serves ``body`` at every path.

    Attributes:
        ranges: Whether it continues a part.
        drops: For each request in turn, after how many bytes the connection breaks; then it holds.
        status: Answered in place of 200.
        silence: Seconds before the body.
        redirects: ``/moved`` points to ``/``.
        asked: The Range header of each request, «» where there was none.
    """

    body: bytes
    url: str = ""
    ranges: bool = True
    drops: list[int] = field(default_factory=list)
    status: int = 200
    silence: float = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(body: bytes) -> Iterator[WebServer]:
    state = WebServer(body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/moved":
                self.answer(302, b"", Location="/")
                return
            asked = self.headers.get("Range", "")
            state.asked.append(asked)
            if state.status != 200:
                self.answer(state.status, b"no")
            elif asked and state.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                rest, whole = state.body[start:], len(state.body)
                if rest:
                    self.answer(206, rest, **{"Content-Range": f"bytes {start}-{whole - 1}/{whole}"})
                else:
                    self.answer(416, b"", **{"Content-Range": f"bytes */{whole}"})
            else:
                self.answer(200, state.body)

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            time.sleep(state.silence)
            sent = state.drops.pop(0) if state.drops else len(body)
            try:
                self.wfile.write(body[:sent])
            except BrokenPipeError:
                self.close_connection = True  # the client lost patience, as it should
            if sent < len(body):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
