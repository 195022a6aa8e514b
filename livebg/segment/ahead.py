"""Segmentation that runs ahead of everything behind it, several frames of a file at once.

Why: a frame of a file waits for no other. Two frames that have a core each need less time than one after the other on
two cores, whose halves of each layer wait for each other: 5 to 20 % less on two cores. And while the frames before them
are smoothed, composed and encoded, the cores have no gaps.

What goes in is a source and a segmenter, and what comes out is both, so that the pipeline stays a loop. A live stream
has no frames ahead and does not come here.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from livebg.errors import LivebgError
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livebg.frame import Frame, Matte, StreamInfo
    from livebg.stages import Segmenter, Source

_SPARE = 1  # frames that wait for a lane, so that none stands still while the frame before is composed
_PATIENCE = 0.5  # seconds that close() waits for a frame under way


class SegmentAhead(Closing):
    """The frames of a source, segmented by the time that somebody asks for their mattes.

    Each frame that is given out has to be segmented, in that order. An error of the segmenter is raised where that
    frame's matte is asked for; one of the source behind the frames that were read before it.
    """

    def __init__(self, source: Source, segmenter: Segmenter, lanes: int) -> None:
        """Own ``source``: ``close()`` closes it.

        Args:
            source: Not iterated yet, and not live.
            segmenter: May be called by ``lanes`` threads at once.
            lanes: Frames that are segmented at once, 1 or more. So many more wait in memory, and one.
        """
        self._source, self._segmenter = source, segmenter
        self._under_way = lanes + _SPARE
        self._workers = ThreadPoolExecutor(lanes, thread_name_prefix="segment")
        self._mattes: deque[tuple[Frame, Future[Matte]]] = deque()
        self._closed = False

    @property
    def info(self) -> StreamInfo:
        """The source's own."""
        return self._source.info

    @property
    def notes(self) -> Sequence[str]:
        """The source's own."""
        return self._source.notes

    def __iter__(self) -> Iterator[Frame]:
        """The source's frames; once.

        Raises:
            ValueError: The source is closed, or was iterated before.
        """
        frames = iter(self._source)
        read: deque[Frame] = deque()
        failure: LivebgError | None = None
        more = True
        while more or read:
            while more and len(read) <= self._under_way:
                try:
                    frame = next(frames, None)
                except LivebgError as error:
                    frame, failure = None, error
                if frame is None:
                    more = False
                    break
                self._mattes.append((frame, self._workers.submit(self._segmenter.segment, frame)))
                read.append(frame)
            if read:
                yield read.popleft()
            if self._closed:
                raise ValueError(f"{self.info.name} is closed: open it again")
        if failure is not None:
            raise failure

    def segment(self, frame: Frame) -> Matte:
        """The matte of the frame that was given out last; waits for it.

        Raises:
            ValueError: It is not that frame.
            LivebgError: What the segmenter raised.
        """
        if not self._mattes or self._mattes[0][0] is not frame:
            raise ValueError(f"frame {frame.index} is not the next one: segment each frame that is given out, in order")
        return self._mattes.popleft()[1].result()

    def reset(self) -> None:
        """The segmenter keeps nothing between frames."""

    def close(self) -> None:
        """Start no more frames, wait for those under way, and close the source: within two seconds.

        A frame that takes longer ends by itself and goes nowhere.
        """
        self._closed = True
        self._workers.shutdown(wait=False, cancel_futures=True)
        wait([matte for _, matte in self._mattes], timeout=_PATIENCE)
        self._mattes.clear()
        self._source.close()
