"""What lies under the subject: a colour, a picture, a video, nothing. The blurred room is in ``blur.py``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

from livebg.errors import SourceError
from livebg.scale import Fit, fit_into
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.compose.spec import RGB
    from livebg.frame import Frame, Image, Matte
    from livebg.stages import Source


_log = logging.getLogger(__name__)


class Background(Closing, Protocol):
    """Gives the picture that lies under a frame."""

    def under(self, frame: Frame, matte: Matte) -> Image | None:
        """The background of one frame.

        Args:
            frame: RGB, (H, W, 3) uint8; its size may differ from the last one's.
            matte: Its alpha, of the same size.

        Returns:
            RGB, (H, W, 3) uint8, a new array, the caller's to write to; ``None``: nothing lies under the subject, the
            result is transparent there.

        Raises:
            SourceError: The background's own file cannot be read.
        """


class Plain(Closing):
    """One colour."""

    def __init__(self, colour: RGB) -> None:
        """Take a colour.

        Args:
            colour: Red, green, blue, each 0..255; ``spec.parse_colour`` makes one of ``#1e1e1e`` or ``teal``.

        Raises:
            ValueError: It is not three numbers within 0..255.
        """
        if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
            raise ValueError(f"a colour must be three numbers within 0..255, got {colour}")
        self._colour = colour
        self._image = np.empty((0, 0, 3), np.uint8)

    def under(self, frame: Frame, matte: Matte) -> Image:
        """The colour everywhere."""
        if self._image.shape != frame.image.shape:
            self._image = np.full(frame.image.shape, self._colour, np.uint8)
        return self._image.copy()

    def close(self) -> None:
        """Nothing is open."""


class Transparent(Closing):
    """Nothing: the result carries its alpha."""

    def under(self, frame: Frame, matte: Matte) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


_RETRY = Fraction(1)  # seconds


class Moving(Closing):
    """A video, looped in its own time; or a picture.

    At time ``t`` of the stream it shows its frame at ``t`` modulo its duration, whatever the two frame rates are. Its
    duration is measured when its end is first met: the last frame's time plus how long that one is shown. Each of its
    frames is decoded once a loop, and at most two are held, beside one fitted to the frames it goes under. A source of
    a single frame is a picture: closed after reading and fitted once a size. A loop that cannot begin is an error once;
    then the last picture stands, and each second it is tried again.
    """

    def __init__(
        self, open_: Callable[[], Source], fit: Fit = "cover", *, sample_aspect_ratio: Fraction = Fraction(1)
    ) -> None:
        """Open the background and read its beginning.

        Args:
            open_: Opens the source afresh; called now and for every loop.
            fit: How it fills the frame, see ``fit.fit_into``.
            sample_aspect_ratio: Width over height of a pixel of the frames that it goes under.

        Raises:
            SourceError: It cannot be read, or has no picture in it.
        """
        self._open = open_
        self._fit = fit
        self._pixel = sample_aspect_ratio
        self._source: Source | None = None
        self._frames: Iterator[Frame] = iter(())
        self._length: Fraction | None = None  # unknown until the end was met once
        self._loop = 0
        self._failed: Fraction | None = None  # when a loop could not begin, since the last one that could
        self._fitted: tuple[Frame, Image] | None = None
        self._begin()
        self._picture = self._next is None
        if self._picture and self._source is not None:
            for note in self._source.notes:
                _log.warning("the background: %s", note)
            self.close()

    def under(self, frame: Frame, matte: Matte) -> Image:
        """The background at the frame's time, fitted to its size."""
        if not self._picture:
            self._seek(frame.pts)
        shown = self._shown
        if self._fitted is None or self._fitted[0] is not shown or self._fitted[1].shape != frame.image.shape:
            image = fit_into(shown.image, frame.width, frame.height, self._fit, self._aspect / self._pixel)
            self._fitted = shown, image
        return self._fitted[1].copy()

    def close(self) -> None:
        """Close its source."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _begin(self) -> None:
        """Open the source and read its first two frames."""
        self.close()
        try:
            self._source = self._open()
            self._aspect = self._source.info.sample_aspect_ratio
            self._frames = iter(self._source)
            first = next(self._frames, None)
            if first is None:
                raise SourceError(f"the background {self._source.info.name} has no picture in it: choose another")
            self._shown, self._since = first, Fraction(0)
            self._next = next(self._frames, None)
        except BaseException:  # nothing half begun stays open
            self.close()
            raise

    def _begun(self, time: Fraction) -> bool:
        """Whether a loop begins at this time of the stream.

        Raises:
            SourceError: It cannot, and the one before could.
        """
        failed = self._failed
        if failed is not None and failed <= time < failed + _RETRY:
            return False
        try:
            self._begin()
        except SourceError:
            self._failed = time
            if failed is None:
                raise
            return False
        self._failed = None
        return True

    def _seek(self, time: Fraction) -> None:
        """Make ``_shown`` the frame that is due at this time of the stream."""
        while True:
            loop, local = divmod(time, self._length) if self._length else (0, time)
            if self._source is None or loop != self._loop or local < self._since:
                if not self._begun(time):
                    return
                self._loop = loop
            held = self._shown.duration
            while self._next is not None and self._next.pts <= local:
                held = self._next.duration or self._next.pts - self._shown.pts
                self._shown, self._since = self._next, self._next.pts
                self._next = next(self._frames, None)
            if self._next is not None or self._length is not None:
                return
            self._length = self._shown.pts + (held or Fraction(0))
