"""The camera sleeps while nobody looks at the virtual one, and wakes when somebody does.

Asleep the camera is closed, its light is off, and nothing is computed; the slate goes on, for whoever comes first.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.live.pacer import PATIENCE
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from livebg.live.loop import Loop
    from livebg.live.pacer import Pacer
    from livebg.sinks.on_demand import Readers

_GRACE_SECONDS = 3.0  # without a reader, before the camera sleeps: programs reopen a camera when they change its mode
_LOOK_SECONDS = 0.25  # between two questions; also how long one waits, so that closing is quick


class OnDemand(Closing):
    """Watches the readers in a thread from its construction until ``close()``; a run begins awake."""

    def __init__(
        self, readers: Readers, loop: Loop, pacer: Pacer, *, tell: Callable[[str], None], mention: Callable[[str], None]
    ) -> None:
        """Begin to watch.

        Args:
            readers: Who looks at the virtual camera.
            loop: Sleeps and wakes.
            pacer: Shows the slate meanwhile.
            tell: Told when nobody can tell any more who looks: then the camera stays awake.
            mention: Told when it sleeps and wakes.
        """
        self._readers, self._loop, self._pacer, self._tell = readers, loop, pacer, tell
        self._mention = mention
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="livebg-on-demand", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._left():
                    self._sleep(True)
                    self._mention("nobody looks: the camera sleeps")
                    while not self._stopped.is_set() and not self._readers.wait(_LOOK_SECONDS):
                        pass
                    self._sleep(False)
                    self._mention("somebody looks: the camera wakes")
        except SinkError as error:
            self._sleep(False)
            self._tell(f"{error}; the camera stays awake")

    def _sleep(self, on: bool) -> None:
        self._loop.sleep(on)
        self._pacer.sleep(on)

    def _left(self) -> bool:
        """Wait until there was nobody for a while; not so where the watch ends."""
        alone = 0.0
        while alone < _GRACE_SECONDS:
            if self._stopped.wait(_LOOK_SECONDS):
                return False
            alone = 0.0 if self._readers.present else alone + _LOOK_SECONDS
        return True
