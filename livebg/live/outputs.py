"""Everywhere that a live run's pictures go."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from livebg.sinks import open_virtual_camera
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livebg.config import Config
    from livebg.frame import StreamInfo
    from livebg.stages import Sink


class Outputs(Closing):
    """The sinks of a run.

    Attributes:
        sink: Takes what is shown.
        matte_sink: Takes its matte.
        description: Where to, in one line.
    """

    def __init__(self, config: Config, info: StreamInfo, tell: Callable[[str], None]) -> None:
        """Open them.

        Args:
            config: ``live`` says which, ``output`` how a recording is encoded.
            info: The stream's; frames have its size.
            tell: Told when one of several is given up.

        Raises:
            SinkError: One cannot be opened.
            UsageError: One cannot be what is asked for.
        """
        live = config.live
        with ExitStack() as stack:
            self.sink: Sink = stack.enter_context(
                open_virtual_camera(live.virtual_camera, info.width, info.height, live.fps)
            )
            self.matte_sink: Sink | None = None
            self.description = f"virtual camera: {getattr(self.sink, 'device', live.virtual_camera)}"
            self._stack = stack.pop_all()

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the writing."""
        return self.sink.notes

    def close(self) -> None:
        """Close them all."""
        self._stack.close()
