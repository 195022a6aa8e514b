"""Which part of the picture is shown: mirrored, cropped, or following the subject.

Why the motion cannot jerk or leave the picture: a view is (x, y, size), its centre and its size as shares of the
picture's sides. What is wanted passes three filters. A dead zone: the aim moves only as far as what is wanted leaves
it. A limit of speed: the aim's shadow moves towards it along a straight line, at most v a second. A critically damped
spring of frequency w draws the view after that shadow; it never overshoots, and its impulse response is positive with
area 1. Hence speed <= v, acceleration <= 2 v w / e, jerk <= (2 + 4 / e) v w², whatever the matte does. The views that
lie inside the picture are a convex set (size/2 <= x <= 1 - size/2, and so for y). Each of the three filters gives a
convex combination of points of that set, so that no view leaves it and none needs a clamp that would jolt.

Source: the spring's exact step is that of Lowe, «Critically Damped Ease-In/Ease-Out Smoothing», Game Programming Gems
4 (2004), with the exponential unapproximated: stable for any time between frames.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.frame import Matte

if TYPE_CHECKING:
    from livebg.frame import Alpha, Frame

Mode = Literal["fixed", "auto"]
View = NDArray[np.float64]
"""(3,): the centre's x and y, and the size, as shares of the picture's sides."""

SPEED = 0.4  # v, picture sides a second
FREQUENCY = 4.0  # w, a second: a step is half done after 0.42 s
DEAD = 0.06  # half the dead zone's width, as a share of the view's size
MARGIN = 0.25  # room around the subject on each side, as a share of its size
LONGEST_STEP = 0.1  # seconds: after a pause the view goes on from where it is, and does not jump

_Plane = TypeVar("_Plane", NDArray[np.uint8], NDArray[np.float32])

_WHOLE = (0.5, 0.5, 1.0)
_SEEN = 0.5  # alpha of what counts as the subject
_LEAST_SHARE = 0.002  # of the picture: less is a speck, nobody
_TAIL = 0.01  # of the subject's area, left outside its box on each side: an arm's tip, a speck
_SAMPLES = 160  # along the longer side
_VISIBLE = 0.1  # pixels cut off, below which the whole picture is shown


class Framing:
    """Mirrors, crops and zooms frames together with their mattes; their size stays."""

    def __init__(
        self,
        mode: Mode = "fixed",
        *,
        zoom: float | None = None,
        mirror: bool = False,
        centre: tuple[float, float] = (0.5, 0.5),
    ) -> None:
        """Take a way of framing.

        Args:
            mode: ``fixed`` shows one part; ``auto`` follows the subject.
            zoom: 1 to 8. Of ``fixed`` how much is enlarged, default 1; of ``auto`` how much at most, default 2.
            mirror: Left and right change places, as in a mirror.
            centre: Of ``fixed``: the view's centre as shares of the picture's width and height, before mirroring; moved
                inwards as far as the picture's border asks.

        Raises:
            ValueError: ``mode`` is neither, or a number is out of range.
        """
        if mode not in ("fixed", "auto"):
            raise ValueError(f"the framing must be fixed or auto, got {mode!r}")
        zoom = zoom if zoom is not None else (2.0 if mode == "auto" else 1.0)
        if not 1 <= zoom <= 8:
            raise ValueError(f"a zoom must be within 1..8, got {zoom}")
        if not all(0 <= share <= 1 for share in centre):
            raise ValueError(f"a centre is two shares within 0..1, got {centre}")
        self._least = 1 / zoom
        self._mirror = mirror
        self._fixed = _inside(*centre, self._least) if mode == "fixed" else None
        self._follower = Follower()
        self._pts: float | None = None

    def frame(self, frame: Frame, matte: Matte) -> tuple[Frame, Matte]:
        """The part that is shown, as large as the whole was.

        Args:
            frame: RGB, (H, W, 3) uint8; its ``pts`` is the clock of the motion.
            matte: Alpha of the same size.

        Returns:
            Both as they were given where nothing is to be done, else new ones; bilinear, alpha within [0, 1].
        """
        view = self._fixed if self._fixed is not None else self._followed(frame, matte)
        if (1 - view[2]) * frame.width > _VISIBLE:
            place = _placement(view, frame.width, frame.height, mirror=self._mirror)
            return frame.with_image(_moved(frame.image, place)), Matte(_moved(matte.alpha, place))
        if self._mirror:
            return frame.with_image(_flipped(frame.image)), Matte(_flipped(matte.alpha))
        return frame, matte

    def reset(self) -> None:
        """Forget the subject: the next view begins with the whole picture."""
        self._follower = Follower()
        self._pts = None

    def _followed(self, frame: Frame, matte: Matte) -> View:
        now = float(frame.pts)
        passed = 0.0 if self._pts is None else min(max(now - self._pts, 0.0), LONGEST_STEP)
        self._pts = now
        return self._follower.step(wanted_view(matte.alpha, self._least), passed)


class Follower:
    """The motion of a view: see the module."""

    def __init__(self) -> None:
        self._aim, self._shadow, self._view = (np.array(_WHOLE) for _ in range(3))
        self._speed = np.zeros(3)

    def step(self, wanted: View | None, seconds: float) -> View:
        """The view after some time.

        Args:
            wanted: The view to come to, inside the picture; ``None``: nobody is there, the aim stays.
            seconds: Since the last call.

        Returns:
            (3,), inside the picture.
        """
        if wanted is not None:
            away = wanted - self._aim
            beyond = np.abs(away).max() / (DEAD * self._aim[2])
            if beyond > 1:
                self._aim = self._aim + away * (1 - 1 / beyond)
        gap = self._aim - self._shadow
        distance = float(np.linalg.norm(gap))
        if distance > 0:
            self._shadow = self._shadow + gap * min(1.0, SPEED * seconds / distance)
        behind = self._view - self._shadow
        pull = self._speed + FREQUENCY * behind
        decay = exp(-FREQUENCY * seconds)
        self._view = self._shadow + (behind + pull * seconds) * decay
        self._speed = (self._speed - FREQUENCY * pull * seconds) * decay
        return self._view


def wanted_view(alpha: Alpha, least: float) -> View | None:
    """The view that shows the subject with room around it.

    Args:
        alpha: (H, W).
        least: The smallest size of a view.

    Returns:
        A view inside the picture; ``None`` where there is no subject.
    """
    step = -(-max(alpha.shape) // _SAMPLES)
    seen = alpha[::step, ::step] > _SEEN
    if np.count_nonzero(seen) <= _LEAST_SHARE * seen.size:
        return None
    left, right = _extent(seen.sum(axis=0))
    top, bottom = _extent(seen.sum(axis=1))
    size = max(right - left, bottom - top) * (1 + 2 * MARGIN)
    return _inside((left + right) / 2, (top + bottom) / 2, min(max(size, least), 1.0))


def _extent(counts: NDArray[np.int_]) -> tuple[float, float]:
    """Where the subject begins and ends along one side, as shares of it, but for its thin ends."""
    total = np.cumsum(counts)
    first, last = np.searchsorted(total, (_TAIL * total[-1], (1 - _TAIL) * total[-1]))
    return float(first) / counts.size, float(last + 1) / counts.size


def _inside(x: float, y: float, size: float) -> View:
    """The view of this size whose centre is nearest to (x, y)."""
    half = size / 2
    return np.array([min(max(x, half), 1 - half), min(max(y, half), 1 - half), size])


def _placement(view: View, width: int, height: int, *, mirror: bool) -> NDArray[np.float64]:
    """The matrix (2, 3) from a pixel that is shown to the place in the picture where it is taken."""
    x, y, size = view
    left, top = (x - size / 2) * width, (y - size / 2) * height
    # Pixels are squares: centre i + 0.5 is shown at left + (i + 0.5) * size.
    across = (-size, left + size * (width - 0.5) - 0.5) if mirror else (size, left + 0.5 * size - 0.5)
    return np.array([[across[0], 0, across[1]], [0, size, top + 0.5 * size - 0.5]])


def _moved(plane: _Plane, place: NDArray[np.float64]) -> _Plane:
    moved = np.empty(plane.shape, plane.dtype)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(plane, place, plane.shape[1::-1], dst=moved, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return moved


def _flipped(plane: _Plane) -> _Plane:
    flipped = np.empty(plane.shape, plane.dtype)
    cv2.flip(plane, 1, dst=flipped)
    return flipped
