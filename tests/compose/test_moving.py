"""A video or picture as background: its own time, its loop, its end, its errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest

from livebg.compose import Compositor, Moving, backgrounds
from livebg.errors import SourceError
from livebg.frame import Frame, Matte, StreamInfo
from livebg.scale import fit_into
from livebg.stages import Closing
from tests.fakes import FakeSource

SIZE = (6, 8)
EMPTY = Matte(np.zeros(SIZE, np.float32))


class Clip:
    """Opens sources whose n-th frame has the colour n; counts what is opened, decoded and closed."""

    def __init__(
        self,
        times: Sequence[Fraction | float],
        *,
        last: Fraction | float | None = None,
        size: tuple[int, int] = SIZE,
        broken_at: int = -1,
        broken_opening: int = -1,
        aspect: Fraction = Fraction(1),
    ) -> None:
        self.times, self.last = [Fraction(time) for time in times], last
        self.size, self.aspect = size, aspect
        self.broken_at, self.broken_opening = broken_at, broken_opening
        self.opened = self.decoded = self.closed = 0

    def __call__(self) -> Source:
        self.opened += 1
        if self.opened == self.broken_opening:
            raise SourceError("cannot read beach.mp4: it is gone")
        return Source(self)


class Source(Closing):
    notes: Sequence[str] = ()

    def __init__(self, clip: Clip) -> None:
        self._clip, self._closed = clip, False
        self.info = StreamInfo("beach.mp4", clip.size[1], clip.size[0], sample_aspect_ratio=clip.aspect)

    def __iter__(self) -> Iterator[Frame]:
        clip = self._clip
        for index, time in enumerate(clip.times):
            assert not self._closed, "read after closing"
            if index == clip.broken_at:
                raise SourceError("cannot read beach.mp4: damaged")
            clip.decoded += 1
            final = index == len(clip.times) - 1
            held = Fraction(clip.last) if final and clip.last is not None else None
            yield Frame(np.full((*clip.size, 3), index, np.uint8), time, index, duration=held)

    def close(self) -> None:
        self._clip.closed += not self._closed
        self._closed = True


def shown(background: Moving, time: Fraction | float) -> int:
    """Which of the background's frames lies under a frame at this time."""
    under = background.under(Frame(np.zeros((*SIZE, 3), np.uint8), Fraction(time)), EMPTY)
    assert under.shape == (*SIZE, 3)
    assert np.ptp(under) == 0
    return int(under[0, 0, 0])


def at(count: int, rate: int | Fraction) -> list[Fraction]:
    return [index / Fraction(rate) for index in range(count)]


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(30), Fraction(4830, 163), Fraction(240), Fraction(1, 2)])
@pytest.mark.parametrize("own", [Fraction(25), Fraction(30000, 1001)])
def test_at_any_time_the_frame_that_is_due(rate, own):
    clip = Clip(at(10, own), last=1 / own)
    background = Moving(clip)
    length = 10 / own
    for time in at(100, rate):
        due = int(time % length * own)
        assert shown(background, time) == due, f"at {time}"


def test_frames_at_variable_times():
    clip = Clip([0, Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)], last=Fraction(1, 10))
    background = Moving(clip)
    assert [shown(background, Fraction(tick, 20)) for tick in range(44)] == (
        [0] * 2 + [1] * 8 + [2] * 8 + [3] * 2 + [0] * 2 + [1] * 8 + [2] * 8 + [3] * 2 + [0] * 2 + [1] * 2
    )


def test_what_a_picture_has_to_say_is_told(caplog):
    source = FakeSource([np.zeros((*SIZE, 3), np.uint8)])
    source.notes = ["beach.jpg: the colour profile cannot be used"]
    Moving(lambda: source)
    assert caplog.messages == ["the background: beach.jpg: the colour profile cannot be used"]


def test_a_last_frame_of_unknown_duration_is_held_as_long_as_the_one_before():
    background = Moving(Clip([0, 1, 3]))  # 5 seconds
    assert [shown(background, time) for time in range(12)] == [0, 1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 1]


def test_a_first_frame_that_begins_late_shows_from_the_beginning_and_is_read_once():
    clip = Clip([Fraction(1, 2), 1], last=1)
    background = Moving(clip)
    assert [shown(background, Fraction(tick, 4)) for tick in range(10)] == [0] * 4 + [1] * 4 + [0] * 2
    assert clip.opened == 2


def test_each_frame_is_decoded_once_a_loop_and_sources_are_closed():
    clip = Clip(at(10, 25), last=Fraction(1, 25))
    background = Moving(clip)
    for time in at(48, 120):  # faster than the background, for exactly one loop of it
        shown(background, time)
    assert (clip.opened, clip.decoded) == (1, 10)
    for time in at(30, 25):
        shown(background, Fraction(10, 25) + time)
    assert (clip.opened, clip.decoded, clip.closed) == (4, 40, 3)
    background.close()
    assert clip.closed == 4


def test_a_jump_over_many_loops_does_not_decode_them():
    clip = Clip(at(10, 10), last=Fraction(1, 10))
    background = Moving(clip)
    assert shown(background, 1) == 0  # the end was met once
    decoded = clip.decoded
    assert shown(background, Fraction(10**6) + Fraction(1, 4)) == 2
    assert clip.decoded <= decoded + 10


def test_going_back_begins_again():
    background = Moving(Clip(at(10, 10)))
    assert shown(background, Fraction(7, 10)) == 7
    assert shown(background, Fraction(2, 10)) == 2
    assert shown(background, 0) == 0


def test_a_picture_is_read_once_and_closed_and_fitted_once_a_size(monkeypatch):
    fitted = []
    monkeypatch.setattr(backgrounds, "fit_into", lambda *given: fitted.append(given[1:3]) or fit_into(*given))
    clip = Clip([0], size=(30, 40))
    background = Moving(clip)
    assert clip.closed == 1
    pictures = [background.under(Frame(np.zeros((*SIZE, 3), np.uint8), Fraction(time)), EMPTY) for time in range(3)]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)
    assert not np.shares_memory(pictures[0], pictures[1])
    other = background.under(Frame(np.zeros((5, 9, 3), np.uint8)), Matte(np.zeros((5, 9), np.float32)))
    assert other.shape == (5, 9, 3)
    assert fitted == [SIZE[::-1], (9, 5)]
    assert clip.opened == clip.decoded == 1


def picture(image: np.ndarray, aspect: Fraction = Fraction(1)) -> Source:
    class Picture(Source):
        def __iter__(self):
            yield Frame(image)

    return Picture(Clip([0], aspect=aspect))


def test_a_frame_of_the_same_size_goes_under_to_the_bit():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    composed = Compositor(Moving(lambda: picture(image))).compose(Frame(np.zeros((*SIZE, 3), np.uint8)), EMPTY)
    assert np.array_equal(composed.image, image)


def test_pixels_that_are_not_square_keep_their_shape():
    white = np.full((8, 8, 3), 255, np.uint8)
    square = Frame(np.zeros((16, 16, 3), np.uint8)), Matte(np.zeros((16, 16), np.float32))
    seen_wide = Moving(lambda: picture(white, Fraction(2)), "contain").under(*square)
    assert seen_wide[4:12].all()
    assert not seen_wide[:4].any()
    assert not seen_wide[12:].any()
    # Frames whose own pixels are as wide: nothing is left to do.
    alike = Moving(lambda: picture(white, Fraction(2)), "contain", sample_aspect_ratio=Fraction(2)).under(*square)
    assert alike.all()


def test_what_cannot_be_opened_says_so_at_once():
    with pytest.raises(SourceError, match="it is gone"):
        Moving(Clip([0], broken_opening=1))


@pytest.mark.parametrize("at_frame", [0, 1])
def test_what_is_damaged_at_its_beginning_says_so_at_once_and_is_closed(at_frame):
    clip = Clip(at(5, 25), broken_at=at_frame)
    with pytest.raises(SourceError, match="damaged"):
        Moving(clip)
    assert clip.closed == 1


def test_a_source_without_a_frame_is_an_error():
    clip = Clip([])
    with pytest.raises(SourceError, match=r"beach\.mp4 has no picture in it"):
        Moving(clip)
    assert clip.closed == 1


def test_damage_in_mid_loop_arrives():
    clip = Clip(at(10, 10), broken_at=5)
    with Moving(clip) as background:
        assert [shown(background, time) for time in at(4, 10)] == [0, 1, 2, 3]
        with pytest.raises(SourceError, match="damaged"):
            shown(background, Fraction(4, 10))
    assert clip.closed == 1


def test_a_file_that_vanishes_between_two_loops_arrives():
    clip = Clip(at(2, 10), broken_opening=2)
    with Moving(clip) as background:
        assert [shown(background, time) for time in at(2, 10)] == [0, 1]
        with pytest.raises(SourceError, match="it is gone"):
            shown(background, Fraction(2, 10))
    assert clip.closed == 1


TROUBLES = [{"broken_opening": 2}, {"broken_at": 0}, {"broken_at": 1}]


@pytest.mark.parametrize("trouble", TROUBLES, ids=["opening", "first frame", "second"])
def test_a_loop_that_cannot_begin_is_an_error_once_and_is_tried_again_each_second(trouble):
    clip = Clip(at(3, 10), last=Fraction(1, 10))
    with Moving(clip) as background:
        assert [shown(background, time) for time in at(3, 10)] == [0, 1, 2]
        vars(clip).update(trouble)
        with pytest.raises(SourceError):
            shown(background, Fraction(3, 10))
        stands = 0 if trouble == {"broken_at": 1} else 2
        opened = clip.opened
        assert {shown(background, Fraction(3, 10) + time) for time in at(10, 10)} == {stands}
        assert clip.opened == opened
        if "broken_at" in trouble:  # still in trouble when tried again: that is no second error
            assert shown(background, Fraction(13, 10)) == stands
            assert clip.opened == opened + 1
        clip.broken_at = -1
        times = [Fraction(23, 10) + time for time in at(6, 10)]
        assert [shown(background, time) for time in times] == [int(10 * time) % 3 for time in times]
        clip.broken_opening = clip.opened + 1
        with pytest.raises(SourceError):  # another trouble, another error
            [shown(background, 3 + time) for time in at(9, 10)]
    assert clip.closed == clip.opened - (1 + ("broken_opening" in trouble))


@pytest.mark.parametrize("broken_at", [0, 1])
def test_going_back_is_tried_again_too(broken_at):
    clip = Clip(at(20, 10))
    with Moving(clip) as background:
        assert shown(background, Fraction(17, 10)) == 17
        clip.broken_at = broken_at
        with pytest.raises(SourceError, match="damaged"):
            shown(background, Fraction(2, 10))
        clip.broken_at = -1
        assert shown(background, Fraction(11, 10)) == (17 if broken_at == 0 else 0)
        assert shown(background, Fraction(12, 10)) == 12
    assert clip.closed == clip.opened
