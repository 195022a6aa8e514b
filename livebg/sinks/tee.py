"""The same frame to several sinks from one inference.

The main one is the call: its errors are the caller's. The others are beside it: one that fails is closed, which keeps
what it wrote, and noted; the call goes on.

Why whatever one of the others raises is caught: each writes by libraries of its own, to disks, sockets and windows that
may fail in ways nobody named (no memory left, a bug of ours). Raised here, it would come again at every frame, and the
pacer would end the call over a recording. It is told, and kept in the notes.

Why no threads for writing: live sinks bring their own (``DropOldest``), so that a write costs a few microseconds. What
is given up is closed by a thread: a recording that ends early takes half a second to, and the call does not wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from typing import TYPE_CHECKING

from livebg.errors import one_line
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from livebg.frame import Frame
    from livebg.stages import Sink

_CLOSE_SECONDS = 2.0


class Tee(Closing):
    """Hands each frame to all.

    Args:
        main: Its errors are raised.
        others: One that raises, whatever it is, is closed and left out from then on.
        tell: Called once with one line where that happens.
    """

    def __init__(self, main: Sink, *others: Sink, tell: Callable[[str], None] | None = None) -> None:
        self._main = main
        self._others = list(others)
        self._tell = tell
        self._notes: list[str] = []
        self._closing: list[Thread] = []

    @property
    def notes(self) -> Sequence[str]:
        """Those of the sinks, and which of them were given up."""
        return [*self._main.notes, *(note for each in self._others for note in each.notes), *self._notes]

    @property
    def others(self) -> Sequence[Sink]:
        """The sinks beside the main one that still take frames."""
        return tuple(self._others)

    def write(self, frame: Frame) -> None:
        """Hand one frame to all, the main one first.

        Raises:
            Exception: Whatever the main one raised; the others have not seen the frame.
        """
        self._main.write(frame)
        for each in tuple(self._others):
            try:
                each.write(frame)
            except Exception as error:  # noqa: BLE001 - the call goes on without it (see "Why"); told
                self._give_up(each, error)

    def finish(self) -> None:
        """Finish all, whatever one of them raises.

        Raises:
            Exception: Whatever the main one raised.
        """
        try:
            self._main.finish()
        finally:
            for each in tuple(self._others):
                try:
                    each.finish()
                except Exception as error:  # noqa: BLE001 - likewise
                    self._give_up(each, error)

    def close(self) -> None:
        """Close all, whatever one of them raises."""
        try:
            _close_all([self._main, *self._others])
        finally:
            for each in self._closing:
                each.join(_CLOSE_SECONDS)

    def _give_up(self, sink: Sink, error: Exception) -> None:
        self._others.remove(sink)
        note = f"{one_line(error)}; it was given up, the rest goes on"
        self._notes += [*sink.notes, note]
        thread = Thread(target=self._close, args=(sink,), name="livebg-give-up", daemon=True)
        thread.start()
        self._closing.append(thread)
        if self._tell is not None:
            self._tell(note)

    def _close(self, sink: Sink) -> None:
        try:
            sink.close()
        except Exception as error:  # noqa: BLE001 - likewise
            self._notes.append(one_line(error))


def _close_all(sinks: Sequence[Sink]) -> None:
    """Each, in order; the first error is raised once all have been closed."""
    if not sinks:
        return
    try:
        sinks[0].close()
    finally:
        _close_all(sinks[1:])
