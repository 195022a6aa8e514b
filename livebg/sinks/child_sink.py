"""What all sinks that feed a child process share: when it is over, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import Frame
    from livebg.sinks.child import Child


class ChildSink(Closing):
    """Feeds a child; ``write`` blocks until it has the frame, so a thread stands before (``DropOldest``).

    Args:
        name: What errors call it.

    Attributes:
        _child: The child that runs; ``None`` while there is none.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._over = False
        self._child: Child | None = None

    def interrupt(self) -> None:
        """Kill a child that takes nothing: a ``write`` that blocks then goes on. From any thread."""
        child = self._child
        if child is not None:
            child.kill()

    def finish(self) -> None:
        """Let the child end: it writes what it holds back.

        Raises:
            SinkError: It is finished or closed already.
        """
        if self._over:
            raise SinkError(f"{self._name} is finished or closed already")
        self.close()

    def close(self) -> None:
        """End the child, within two seconds."""
        self._over = True
        self._let_go()

    def _require_open(self, frame: Frame) -> None:
        if self._over:
            raise SinkError(f"frame {frame.index} came after {self._name} was finished or closed")

    def _let_go(self) -> Child | None:
        """End the present child and give it, for what it knows; ``None`` where there was none."""
        child, self._child = self._child, None
        if child is not None:
            child.close()
        return child
