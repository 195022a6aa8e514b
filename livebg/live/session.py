"""A live run from its configuration: opens everything, waits, and closes everything within two seconds.

What opens first: the camera, for its size; then the outputs, with the slate, so that whoever reads them sees a picture
at once; then the network.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import TYPE_CHECKING

from livebg.build import open_segmenter
from livebg.config import Config, SegmentConfig
from livebg.cores import cores
from livebg.live.changes import Changes, check
from livebg.live.control import Control, default_path
from livebg.live.figures import Figures
from livebg.live.loop import Loop
from livebg.live.metrics_server import MetricsServer
from livebg.live.on_demand import OnDemand
from livebg.live.outputs import Outputs
from livebg.live.pacer import Pacer
from livebg.live.slate import make_slate
from livebg.live.statistics import Statistics
from livebg.live.watch import Watch
from livebg.live.workshop import OpenSegmenter, Workshop
from livebg.sinks.on_demand import open_readers
from livebg.sources import open_camera
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.live.commands import Reply, Values
    from livebg.segment import Segmenter
    from livebg.sources import Newest

Line = dict[str, object]

_SECOND = 1.0
_SIZE = (1280, 720)


class Session(Closing):
    """A run, from its construction until ``close()``; takes commands (``commands.Controlled``).

    Attributes:
        statistics: Its figures.
        notes: What refiners and outputs had to say, once closed.
        incomplete: The recordings asked for that have not all they should have, once closed.
    """

    def __init__(
        self,
        config: Config,
        *,
        open_network: OpenSegmenter | None = None,
        watched: Path | None = None,
        stdin: int | None = None,
        tell: Callable[[str], None] = lambda line: None,
        mention: Callable[[str], None] | None = None,
    ) -> None:
        """Open everything and begin.

        Args:
            config: What is wanted; ``live``, ``segment``, ``smooth``, ``refine``, ``compose`` and, for a recording,
                ``output``.
            open_network: Opens a network with coarse mattes; ``build.open_segmenter`` unless given.
            watched: The configuration's file; what changes in it is applied.
            stdin: A file descriptor that commands are read from, a line each.
            tell: Told, from any thread, what failed and what commands were answered, one line at a time.
            mention: Likewise what is good to know and neither; ``tell`` unless given.

        Raises:
            LivebgError: The camera, an output, the network or anything else asked for is not there.
        """
        check(config)
        live = config.live
        mention = mention or tell
        self.notes: list[str] = []
        self.incomplete: list[str] = []
        self._others = set(threading.enumerate())
        self.statistics = Statistics()
        self._changed = Condition()
        self._ended = False
        with ExitStack() as stack:
            self._figures = None
            if live.stats is not None:
                self._figures = stack.enter_context(Figures(live.stats, overwrite=config.output.overwrite, tell=tell))
            camera = _open_camera(config)
            stack.callback(camera.close)
            info = camera.info
            self._camera_said = f"camera: {info.name}, {info.width}x{info.height}"
            slate = make_slate(live, config.compose, info.width, info.height)
            outputs = stack.enter_context(Outputs(config, info, tell))
            self._outputs = outputs
            self._pacer = Pacer(
                outputs.sink,
                live.fps,
                slate,
                self.statistics,
                stale=float(live.stale),
                given=info.rate,
                matte_sink=outputs.matte_sink,
                tell=tell,
            )
            stack.enter_context(self._pacer)
            self._workshop = Workshop(info, self.statistics, open_network or open_late_segmenter(config))
            stack.enter_context(self._workshop)
            parts = self._workshop.parts(config)
            self._loop = Loop(
                lambda: _open_camera(config),
                parts,
                self._pacer,
                self.statistics,
                camera=camera,
                tell=tell,
                ended=self.quit,
            )
            stack.enter_context(self._loop)
            if live.on_demand:
                readers = open_readers(outputs.device)
                stack.enter_context(OnDemand(readers, self._loop, self._pacer, tell=tell, mention=mention))
            size = info.width, info.height
            self._changes = stack.enter_context(Changes(config, self._workshop, self._loop, self._pacer, size))
            if live.metrics is not None:
                server = stack.enter_context(MetricsServer(live.metrics, self.statistics))
                mention(f"figures for Prometheus: http://127.0.0.1:{server.port}/metrics")
            path = _socket_path(live.control)
            stack.enter_context(Control(self, path=path, stdin=stdin, tell=tell))
            if watched is not None:

                def changed(said: str) -> None:
                    (tell if said.startswith("error: ") else mention)(said)

                stack.enter_context(Watch(watched, lambda values: self.change(values, changed), tell=tell))
            self._stack = stack.pop_all()

    def run(self, line: Callable[[Line], None] = lambda line: None) -> Line:
        """Wait until the run is over: ``live.duration``, ``quit``, the end of the camera, or an output that is gone.

        Args:
            line: Told the figures of each second, as ``Statistics`` has them, with what is shown just now.

        Returns:
            The figures of the whole run, with ``final``.

        Raises:
            SinkError: The output has failed for long.
        """
        duration = self._changes.config.live.duration
        end = None if duration is None else monotonic() + float(duration)
        try:
            while self._wait(end):
                figures = {**self.statistics.recent(), "state": self._pacer.state, "camera": self._loop.lost}
                self._record(figures)
                line(figures)
                if self._pacer.error is not None:
                    raise self._pacer.error
        finally:  # a run that is interrupted has figures too
            final: Line = {**self.statistics.whole(), "final": True}
            self._record(final)
        return final

    @property
    def description(self) -> str:
        """What comes from where and goes where, in one line."""
        return f"{self._camera_said}; {self._outputs.description}; model: {self._workshop.description}"

    def change(self, values: Values, reply: Reply) -> None:
        """See ``commands.Controlled``."""
        self._changes.submit(values, reply)

    def pause(self, on: bool) -> None:
        """See ``commands.Controlled``."""
        self._pacer.pause(on)

    def freeze(self, on: bool) -> None:
        """See ``commands.Controlled``."""
        self._pacer.freeze(on)

    def status(self) -> Line:
        """See ``commands.Controlled``."""
        config = self._changes.config
        return {
            "state": self._pacer.state,
            "camera": self._loop.lost or config.live.camera,
            "model": config.segment.model,
            "background": config.compose.background,
            "latency": config.live.latency,
            **self.statistics.whole(),
        }

    def quit(self) -> None:
        """See ``commands.Controlled``."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """End every thread and give every device back."""
        self._stack.close()
        self.incomplete = self._outputs.incomplete
        self.notes = [*self._workshop.notes, *self._outputs.notes]

    @property
    def hanging(self) -> bool:
        """Whether, after ``close()``, a thread is still inside a stage or device that does not return.

        The interpreter cannot end in good order then: a library's thread that it takes down may abort the process.
        """
        return any(thread.is_alive() for thread in set(threading.enumerate()) - self._others)

    def _wait(self, end: float | None) -> bool:
        """Let a second pass; whether the run goes on."""
        with self._changed:
            left = _SECOND if end is None else min(_SECOND, end - monotonic())
            self._changed.wait_for(lambda: self._ended, max(left, 0))
            return not self._ended and (end is None or monotonic() < end)

    def _record(self, figures: Line) -> None:
        if self._figures is not None:
            self._figures.write(figures)


def open_late_segmenter(config: Config) -> OpenSegmenter:
    """Opens networks for a run: where they run beside the loop on a CPU, they leave it a core."""

    def open_network(segment: SegmentConfig) -> Segmenter:
        if config.live.latency == "low" and segment.threads is None:
            segment = segment.model_copy(update={"threads": max(1, cores() - 1)})
        return open_segmenter(segment, coarse=True)

    return open_network


def _open_camera(config: Config) -> Newest:
    live = config.live
    return open_camera(
        live.camera,
        size=live.capture_size or _SIZE,
        fps=live.fps,
        format=live.format,
        side=live.record is not None,
    )


def _socket_path(control: str) -> Path | None:
    if control == "none" or (control == "auto" and not hasattr(socket, "AF_UNIX")):
        return None
    return default_path() if control == "auto" else Path(control)
