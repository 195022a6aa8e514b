"""A thread that reads ahead, so that decoding overlaps with everything after it.

Why it ends in time: the thread looks at ``_stop`` after each frame, so ``close()`` waits for one frame at most. If the
source does not come back with it soon, it is closed while the thread is in it, which ends a read that waits (for a
pipe, a camera); sources allow for that. A source that hangs even then is left to its thread, a daemon, and gives back
what it holds when it returns.
"""

from __future__ import annotations

from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING

from livebg.stages import Around

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livebg.frame import Frame
    from livebg.stages import Source

# Seconds that close() waits for a frame under way, and then again for a source closed under its thread.
PATIENCE = 0.5


class ReadAhead(Around):
    """A source read by a thread of its own.

    Of a file nothing is lost: at most ``depth`` frames wait. Of a live source only the newest waits, and those that
    nobody took are counted in ``dropped``. An error in the thread is raised to whoever asks for the next frame, after
    the frames read before it. The thread starts with the iteration.
    """

    def __init__(self, source: Source, depth: int = 4) -> None:
        """Own ``source``: ``close()`` closes it.

        Args:
            source: Not iterated yet.
            depth: Frames that may wait, 1 or more; each is a picture in memory.
        """
        if depth < 1:
            raise ValueError(f"depth must be 1 or more, got {depth}")
        self.dropped = 0
        super().__init__(source)
        self._live = source.info.live
        self._depth = 1 if self._live else depth
        self._frames: deque[Frame] = deque()
        self._error: BaseException | None = None
        self._ended = self._stop = False
        self._changed = Condition()
        self._thread: Thread | None = None

    @property
    def notes(self) -> Sequence[str]:
        """The inner source's, and how many live frames nobody took."""
        dropped = [f"{self.info.name}: {self.dropped} frames came faster than they were used"] if self.dropped else []
        return [*super().notes, *dropped]

    def __iter__(self) -> Iterator[Frame]:
        """The source's frames; once.

        Raises:
            ValueError: The source is closed, or was iterated before.
        """
        self._require_open()
        if self._thread is not None:
            raise ValueError(f"{self.info.name} was read already: open it again")
        thread = Thread(target=self._read, name=f"read {self.info.name}", daemon=True)
        thread.start()
        self._thread = thread  # only now: close(), by another thread, joins what it finds here
        return self._iterate()

    def close(self) -> None:
        """Stop and join the thread, drop what waits, and close the source: within two seconds."""
        with self._changed:
            self._stop = True
            self._frames.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE)
        super().close()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _iterate(self) -> Iterator[Frame]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frames or self._ended or self._stop)
                self._require_open()
                if not self._frames:
                    if self._error is not None:
                        raise self._error
                    return
                frame = self._frames.popleft()
                self._changed.notify_all()
            yield frame
            del frame  # it is the user's now; holding it would keep a picture more in memory

    def _read(self) -> None:
        """The thread."""
        try:
            for frame in self._source:
                if not self._offer(frame):
                    break
        except BaseException as error:  # noqa: BLE001  # handed to whoever asks for the next frame
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _offer(self, frame: Frame) -> bool:
        """Wait for room and put a frame there; whether to go on."""
        with self._changed:
            if self._live:
                self.dropped += len(self._frames)
                self._frames.clear()
            self._changed.wait_for(lambda: len(self._frames) < self._depth or self._stop)
            if self._stop:
                return False
            self._frames.append(frame)
            self._changed.notify_all()
        return True

    def _require_open(self) -> None:
        if self._stop:
            raise ValueError(f"{self.info.name} is closed: open it again")
