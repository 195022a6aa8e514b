"""Figures for Prometheus, in its text format 0.0.4, to this machine alone.

Why by hand: a page of a dozen lines, counted already, needs no library of collectors and registries.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from livebg.errors import SinkError
from livebg.live.pacer import PATIENCE
from livebg.live.statistics import COUNTS, Statistics
from livebg.stages import Closing


class MetricsServer(Closing):
    """Serves ``/metrics`` from its construction until ``close()``.

    Attributes:
        port: Where, on the loopback interface.
    """

    def __init__(self, port: int, statistics: Statistics) -> None:
        """Begin to serve.

        Args:
            port: 0 takes a free one.
            statistics: Of the run.

        Raises:
            SinkError: The port is taken.
        """

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """The page, at /metrics."""
                if self.path != "/metrics":
                    self.send_error(404)
                    return
                page = as_text(statistics).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                """Nothing: requests are no news."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as exc:
            raise SinkError(f"cannot serve figures at port {port}: {exc.strerror}; give --metrics another") from exc
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = Thread(
            target=self._server.serve_forever,
            args=(PATIENCE / 2,),
            name="livebg-metrics",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(PATIENCE)
        self._server.server_close()


def as_text(statistics: Statistics) -> str:
    """The run's figures in Prometheus's text format; names begin with ``livebg_``, units are seconds and bytes."""
    line = statistics.whole()
    out = []
    for name in COUNTS:
        out += [f"# TYPE livebg_{name}_total counter", f"livebg_{name}_total {line[name]}"]
    for name, found in statistics.histograms().items():
        out.append(f"# TYPE livebg_{name}_seconds histogram")
        out += [f'livebg_{name}_seconds_bucket{{le="{bound:g}"}} {number}' for bound, number in found.up_to.items()]
        out.append(f'livebg_{name}_seconds_bucket{{le="+Inf"}} {found.count}')
        out += [f"livebg_{name}_seconds_sum {found.sum:.6f}", f"livebg_{name}_seconds_count {found.count}"]
    stages = line["stages_ms"]
    assert isinstance(stages, dict)
    out.append("# TYPE livebg_stage_mean_seconds gauge")
    out += [f'livebg_stage_mean_seconds{{stage="{name}"}} {value / 1000:.6f}' for name, value in stages.items()]
    resident = line["rss_mb"]
    if isinstance(resident, float):
        out += ["# TYPE livebg_resident_bytes gauge", f"livebg_resident_bytes {resident * 1e6:.0f}"]
    return "\n".join(out) + "\n"
