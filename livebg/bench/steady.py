"""What steadiness costs a frame outside segmentation: following, carrying, smoothing and upsampling."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np

from livebg.frame import Frame, Image, Matte
from livebg.motion import MotionTracker
from livebg.refine import Guided
from livebg.smooth import Cadence, Smoother

STAGES = ("follow", "carry", "smooth", "upsample")
_WARM_UP = 8  # frames


def steady_cost(
    *,
    width: int = 1280,
    height: int = 720,
    matte: int = 320,
    frames: int = 40,
    threads: int = 2,
    smooth: str = "light",
    lookahead: int = 0,
) -> dict[str, Any]:
    """Take a made-up talking head through every stage behind the segmenter.

    A textured head and shoulders sway by a few pixels a frame before a textured wall; sensor noise on all of it. The
    segmenter is a lookup that costs nothing, asked on every fourth frame.

    Args:
        width: Of the frames, pixels.
        height: Of the frames, pixels.
        matte: Side of the square coarse matte, pixels.
        frames: Frames measured, after eight to warm up.
        threads: OpenCV's threads while it runs.
        smooth: ``light`` or ``strong``.
        lookahead: Frames that smoothing looks ahead; under eight.

    Returns:
        Ready for JSON: the setting, and for each of ``STAGES`` and for ``all`` the milliseconds a frame by the clock
        (``wall_ms``) and by the processors (``cpu_ms``), each as a median and, as ``least_``, as the least,
        which other work on the machine disturbs least.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        times = _measure(_Sway(width, height, matte), frames, smooth, lookahead)
    finally:
        cv2.setNumThreads(before)
    parts = {name: np.array(each) * 1e3 for name, each in times.items()}
    parts["all"] = np.sum(list(parts.values()), axis=0)
    cost = {
        name: {
            f"{word}{clock}_ms": round(float(take(each[:, column])), 2)
            for column, clock in enumerate(("wall", "cpu"))
            for word, take in (("", np.median), ("least_", np.min))
        }
        for name, each in parts.items()
    }
    return {
        "width": width,
        "height": height,
        "matte": matte,
        "frames": frames,
        "threads": threads,
        "smooth": smooth,
        "lookahead": lookahead,
        "cost": cost,
    }


def _measure(scene: _Sway, frames: int, smooth: str, lookahead: int) -> dict[str, list[tuple[float, float]]]:
    tracker = MotionTracker(both_ways=lookahead > 0)
    cadence, guided = Cadence(scene, 4), Guided()
    smoother = Smoother("strong" if smooth == "strong" else "light", lookahead)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in STAGES}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        wall, cpu = perf_counter(), process_time()
        yield
        times[name].append((perf_counter() - wall, process_time() - cpu))

    for index in range(frames + _WARM_UP):
        frame = scene.frame(index)
        with timed("follow"):
            motion = tracker.follow(frame)
        with timed("carry"):
            draft = cadence.draft(frame, motion)
        with timed("smooth"):
            ready = smoother.smooth(draft)
        with timed("upsample"):
            for each in ready:
                guided.refine(each)
    return {name: each[_WARM_UP:] for name, each in times.items()}


class _Sway:
    """A scene and its segmenter: the subject's true matte at the network's size."""

    def __init__(self, width: int, height: int, matte: int) -> None:
        rng = np.random.default_rng(5)
        self._size, self._matte = (width, height), (matte, matte)
        self._wall, self._skin = (_texture(rng, width, height) for _ in range(2))
        self._noise = rng.normal(0, 2, (height, width, 3)).astype(np.float32)
        self._mask = np.zeros((height, width), np.float32)
        scale = height / 720
        for centre, axes in (((0.5, 0.4), (110, 150)), ((0.5, 1.0), (330, 260))):
            at = round(centre[0] * width), round(centre[1] * height)
            cv2.ellipse(self._mask, at, (round(axes[0] * scale), round(axes[1] * scale)), 0, 0, 360, 1.0, -1)
        self._mask = np.asarray(cv2.GaussianBlur(self._mask, (0, 0), 2), np.float32)

    def frame(self, index: int) -> Frame:
        shift = self._shift(index)
        mask, skin = (_moved(picture, shift) for picture in (self._mask, self._skin))
        picture = self._wall + mask[..., None] * (skin - self._wall) + np.roll(self._noise, 37 * index, axis=0)
        image: Image = np.clip(picture, 0, 255).astype(np.uint8)
        return Frame(image, pts=Fraction(index, 30), index=index)

    def segment(self, frame: Frame) -> Matte:
        mask = _moved(self._mask, self._shift(frame.index))
        return Matte(np.asarray(cv2.resize(mask, self._matte, interpolation=cv2.INTER_AREA), np.float32))

    def reset(self) -> None:
        """Nothing is kept."""

    def _shift(self, index: int) -> float:
        return 0.03 * self._size[0] * float(np.sin(index / 7))


def _texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    coarse = rng.uniform(40, 210, (height // 12 + 1, width // 12 + 1, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _moved(picture: np.ndarray[Any, np.dtype[np.float32]], shift: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    matrix = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)
