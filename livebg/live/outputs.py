"""Everywhere that a live run's pictures go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from livebg.sinks import NullSink
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.config import Config
    from livebg.frame import StreamInfo
    from livebg.stages import Sink


class Outputs(Closing):
    """The sinks of a run.

    Attributes:
        sink: Takes what is shown.
        matte_sink: Takes its matte.
    """

    def __init__(self, config: Config, info: StreamInfo, tell: Callable[[str], None]) -> None:
        with ExitStack() as stack:
            self.sink: Sink = stack.enter_context(NullSink())
            self.matte_sink: Sink | None = None
            self.description = "to nowhere"
            self.notes: list[str] = []
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close them all."""
        self._stack.close()
