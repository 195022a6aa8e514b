"""A thread that works beside the stream: what it finds comes late, what it fails at costs no frame.

Why one job at a time and none waiting: a second job would wait for the first, and be about a frame that is long past.

Why errors end up in a note: this is the one place where a stage may fail and the stream goes on as well as it would
without the stage. After one failure nothing more is tried; a device that ran out of memory would run out again.
"""

from __future__ import annotations

from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

Job = TypeVar("Job")
Result = TypeVar("Result")

_CLOSE_SECONDS = 1.0


class Beside(Closing, Generic[Job, Result]):
    """Does one job at a time in a thread of its own, a daemon.

    Args:
        work: What is done with a job; called in the thread.
        patience: Seconds after which a job under way is taken to hang, and given up.

    Attributes:
        failure: Why nothing more is done, one line; ``None`` while all is well.
        seconds: What the last finished job took.
    """

    def __init__(self, work: Callable[[Job], Result], *, patience: float = 30.0) -> None:
        self.failure: str | None = None
        self.seconds = 0.0
        self._work, self._patience = work, patience
        self._changed = Condition()
        self._job: Job | None = None
        self._result: Result | None = None
        self._busy = self._stop = False
        self._since = 0.0
        self._thread: Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether a job would be taken: none is under way, and what the last one gave was taken."""
        with self._changed:
            self._look_for_a_hang()
            return not (self._busy or self._stop or self.failure or self._result is not None)

    def give(self, job: Job) -> bool:
        """Begin a job, if ``ready``; whether it was begun. Never waits for the job before."""
        if not self.ready:
            return False
        if self._thread is None:
            self._thread = Thread(target=self._run, name="livebg-refine", daemon=True)
            self._thread.start()
        with self._changed:
            self._job, self._busy, self._since = job, True, monotonic()
            self._changed.notify_all()
        return True

    def take(self) -> Result | None:
        """What the last job gave, once; ``None`` while it is under way. Never waits."""
        with self._changed:
            self._look_for_a_hang()
            result, self._result = self._result, None
            return result

    def close(self) -> None:
        """End the thread; a job that does not end within a second is left to it."""
        with self._changed:
            self._stop = True
            self._result = None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _look_for_a_hang(self) -> None:
        if self._busy and self.failure is None and monotonic() - self._since > self._patience:
            self.failure = f"no answer within {self._patience:g} s"

    def _run(self) -> None:
        """The thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None or self._stop)
                job, self._job = self._job, None
                if job is None or self._stop:
                    return
            result, failure = self._try(job)
            del job  # it holds a picture
            with self._changed:
                self.seconds = monotonic() - self._since
                if self.failure is None and not self._stop:  # it may have been given up meanwhile
                    self._result, self.failure = result, failure
                self._busy = False
                if self.failure is not None or self._stop:
                    return

    def _try(self, job: Job) -> tuple[Result | None, str | None]:
        try:
            return self._work(job), None
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on and the user is told
            return None, f"{type(error).__name__}: {error}".splitlines()[0]
