"""A small live run of fakes: a camera whose room can be told from everything else, and stages that can be poisoned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from time import monotonic

import numpy as np

from livebg.frame import Frame, Matte, StreamInfo
from livebg.motion import Motion
from livebg.stages import Closing, Draft

HEIGHT, WIDTH = 48, 64
RATE = Fraction(100)
ROOM = np.array([250, 3, 247], np.uint8)
"""The colour of the room, which must never come out."""
PERSON = np.array([10, 200, 30], np.uint8)
BACKGROUND = np.array([0, 0, 90], np.uint8)
SLATE = np.full((HEIGHT, WIDTH, 3), 33, np.uint8)


def picture() -> np.ndarray:
    """The person on the left, the room on the right."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = ROOM
    image[:, : WIDTH // 2] = PERSON
    return image


def shows_the_room(image: np.ndarray) -> bool:
    """Whether any pixel is nearer to the room's colour than to anything that may be seen."""
    pixels = image.reshape(-1, 3).astype(int)
    mixed = pixels @ (ROOM.astype(int) - BACKGROUND) / np.square(ROOM.astype(int) - BACKGROUND).sum()
    away = BACKGROUND.astype(int) @ (ROOM.astype(int) - BACKGROUND) / np.square(ROOM.astype(int) - BACKGROUND).sum()
    person = (np.abs(pixels - PERSON).max(axis=1) <= 8) | (np.abs(pixels - SLATE[0, 0]).max(axis=1) <= 2)
    return bool((((mixed - away) > 0.1) & ~person).any())


def right_matte(height: int = 12, width: int = 16) -> np.ndarray:
    """What a segmenter should say, coarse."""
    alpha = np.zeros((height, width), np.float32)
    alpha[:, : width // 2] = 1
    return alpha


class Poison:
    """Makes a stage go wrong for a while: ``harm`` is called in place of it, or on what it gives."""

    def __init__(self) -> None:
        self.raises: BaseException | None = None
        self.hangs = False
        self.harm: Callable[[object], object] | None = None
        self.free = threading.Event()
        self.entered = threading.Event()
        self.taken = 0

    def __call__(self, good: Callable[[], object]) -> object:
        if self.hangs:
            self.taken += 1
            self.entered.set()
            self.free.wait(20)
        if self.raises is not None:
            self.taken += 1
            raise self.raises
        if self.harm is not None:
            self.taken += 1
            return self.harm(good())
        return good()

    def heal(self) -> None:
        self.raises, self.hangs, self.harm = None, False, None
        self.free.set()


class LiveCamera(Closing):
    """Frames at ``rate`` until it is closed, each a fresh array; one that it was late with is captured late."""

    notes: Sequence[str] = ()
    lost: str | None = None

    def __init__(self, poison: Poison | None = None, *, frames: int | None = None, rate: Fraction = RATE) -> None:
        self.info = StreamInfo(name="fake", width=WIDTH, height=HEIGHT, rate=rate, live=True)
        self._poison = poison or Poison()
        self._frames = frames
        self._closing = threading.Event()
        self._started = monotonic()

    def captured(self, frame: Frame) -> float:
        return self._started + float(frame.pts)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while index != self._frames and not self._closing.wait(1 / float(self.info.rate)):
            image = self._poison(picture)
            pts = Fraction(round((monotonic() - self._started) * 1e6), 10**6)
            yield Frame(image, pts, index)
            index += 1

    def close(self) -> None:
        self._closing.set()
        self._poison.free.set()


class Poisoned:
    """Any stage, with its verb in the poison's hand."""

    def __init__(self, poison: Poison) -> None:
        self._poison = poison
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1


class FakeTracker(Poisoned):
    _before = False

    def follow(self, frame: Frame) -> Motion | None:
        before, self._before = self._before, True
        still = Motion(np.zeros((12, 16, 2), np.float32), np.ones((12, 16), np.float32))
        return self._poison(lambda: still if before else None)

    def reset(self) -> None:
        super().reset()
        self._before = False


class FakeSegmenter(Poisoned):
    def segment(self, frame: Frame) -> Matte:
        return self._poison(lambda: Matte(right_matte()))


class FakeSmoother(Poisoned):
    def smooth(self, draft: Draft) -> Sequence[Draft]:
        return self._poison(lambda: [draft])

    def flush(self) -> Sequence[Draft]:
        return []


class FakeRefiner(Poisoned):
    def refine(self, draft: Draft) -> Matte:
        def good() -> Matte:
            rows, columns = (
                np.arange(n) * k // n
                for n, k in ((HEIGHT, draft.matte.alpha.shape[0]), (WIDTH, draft.matte.alpha.shape[1]))
            )
            return Matte(np.ascontiguousarray(draft.matte.alpha[rows][:, columns]))

        return self._poison(good)


class FakeFraming(Poisoned):
    def frame(self, frame: Frame, matte: Matte) -> tuple[Frame, Matte]:
        return self._poison(lambda: (frame, matte))


class FakeCompositor(Poisoned):
    def compose(self, frame: Frame, matte: Matte) -> Frame:
        def good() -> Frame:
            alpha = matte.alpha[..., None]
            return frame.with_image(np.rint(frame.image * alpha + BACKGROUND * (1 - alpha)).astype(np.uint8))

        return self._poison(good)


class FakeSink(Closing):
    """Keeps the last frames, counts those that show the room, and lets tests wait for what comes."""

    notes: Sequence[str] = ()

    def __init__(self, poison: Poison | None = None) -> None:
        self._poison = poison or Poison()
        self.changed = threading.Condition()
        self.frames: list[Frame] = []
        self.times: list[float] = []
        self.leaks = 0

    def write(self, frame: Frame) -> None:
        with self.changed:
            self.leaks += shows_the_room(frame.image)
            self.frames.append(frame)
            self.times.append(monotonic())
            self.changed.notify_all()
        self._poison(lambda: None)

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass

    def wait_for(self, kind: Callable[[Frame], bool], seconds: float = 10) -> None:
        """Wait for a frame of this kind among those that come from now on."""
        with self.changed:
            start = len(self.frames)
            found = self.changed.wait_for(lambda: any(kind(frame) for frame in self.frames[start:]), seconds)
        assert found, f"no such frame within {seconds} s; {len(self.frames) - start} came"


def is_slate(frame: Frame) -> bool:
    return bool((frame.image == SLATE[0, 0]).all())


def is_person(frame: Frame) -> bool:
    """The person is there, and the background is where the room was."""
    return bool((frame.image[:, : WIDTH // 2] == PERSON).all() and (frame.image[:, WIDTH // 2 :] == BACKGROUND).all())
