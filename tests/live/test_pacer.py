from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from threading import Event
from time import monotonic

import numpy as np
import pytest

from livebg.errors import SinkError, StageError
from livebg.frame import Matte
from livebg.live import pacer as pacers
from livebg.live.pacer import Pacer, Shot
from livebg.live.statistics import Statistics
from tests.live.stages import BACKGROUND, HEIGHT, SLATE, WIDTH, FakeSink, Poison, is_slate

RATE = Fraction(50)
PERIOD = 1 / float(RATE)
CAMERA_BEGAN = monotonic()


def shot(value: int = 77, *, age: float = 0, matte_age: float | None = None) -> Shot:
    now = monotonic()
    image = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    segmented = now - (age if matte_age is None else matte_age)
    matte = Matte(np.full((HEIGHT, WIDTH), 0.5, np.float32))
    return Shot(image, matte, Fraction(now - age - CAMERA_BEGAN), now - age, segmented)


def shows(value: int):
    return lambda frame: bool((frame.image == value).all())


@pytest.fixture
def output():
    """A pacer on a sink that is watched."""
    sink, poison, said = FakeSink(poison := Poison()), poison, []
    statistics = Statistics()
    matte_sink = FakeSink()
    with Pacer(sink, RATE, SLATE, statistics, stale=0.2, matte_sink=matte_sink, tell=said.append) as pacer:
        yield pacer, sink, statistics, matte_sink, poison, said
        poison.heal()


def test_the_slate_comes_at_once_and_steadily(output):
    _, sink, statistics, matte_sink, *_ = output
    sink.wait_for(lambda frame: frame.index == 10)
    assert all(is_slate(frame) for frame in sink.frames)
    assert all(later.index == earlier.index + 1 for earlier, later in pairwise(sink.frames))
    assert sink.times[10] - sink.times[0] > 9 * PERIOD * 0.98
    assert not matte_sink.frames[5].image.any()
    assert matte_sink.frames[5].image.shape == (HEIGHT, WIDTH)
    assert statistics.whole()["missed"] == 0  # nothing was due yet


@pytest.mark.parametrize(("given", "some"), [(None, True), (RATE * 4, True), (Fraction(1, 60), False)])
def test_of_a_camera_that_gives_less_than_the_outputs_rate_no_more_can_be_missed(given, some):
    statistics, sink = Statistics(), FakeSink()
    with Pacer(sink, RATE, SLATE, statistics, stale=20, given=given) as pacer:
        pacer.show(shot())
        for _ in range(6):
            sink.wait_for(shows(77))
    whole = statistics.whole()
    assert whole["repeats"] >= 3
    assert (whole["missed"] >= whole["repeats"]) if some else (whole["missed"] == 0)


def test_a_shot_is_shown_repeated_and_given_up_when_it_is_stale(output):
    pacer, sink, statistics, matte_sink, *_ = output
    pacer.show(shot())
    sink.wait_for(shows(77))
    sink.wait_for(is_slate)
    shown = [frame for frame in sink.frames if shows(77)(frame)]
    assert len(shown) >= 3
    times = [time for frame, time in zip(sink.frames, sink.times, strict=False) if shows(77)(frame)]
    assert times[-1] - times[0] < 1
    # A picture that is shown again is the same one: it was captured when it was captured.
    assert len({frame.pts for frame in shown}) == 1
    assert any((frame.image == 128).all() for frame in matte_sink.frames)
    whole = statistics.whole()
    assert (whole["fresh"], whole["repeats"]) == (1, len(shown) - 1)
    assert whole["missed"] >= whole["repeats"]
    # Each repeat counts from its own capture: the median is that of a growing age.
    assert whole["latency_ms"]["p99"] > 100


@pytest.mark.parametrize("old", [{"age": 0.5}, {"age": 0, "matte_age": 0.5}])
def test_what_is_stale_when_it_comes_is_not_shown_and_that_is_said_once(output, old):
    pacer, sink, *_, said = output
    for _ in range(3):
        pacer.show(shot(**old))
        sink.wait_for(lambda frame: pacer._next is None)
    (line,) = said
    assert "older than 0.2 s is not shown: choose a faster model" in line
    pacer.show(shot(**old))
    for _ in range(4):
        sink.wait_for(is_slate)
    assert not any(shows(77)(frame) for frame in sink.frames)


def test_never_faster_than_the_rate_and_always_the_newest(output):
    pacer, sink, statistics, *_ = output
    begun = monotonic()
    count = 0
    while monotonic() - begun < 0.6:
        count += 1
        pacer.show(shot(count % 250))
        Event().wait(PERIOD / 5)
    seconds = monotonic() - begun
    fresh = statistics.whole()["fresh"]
    assert fresh <= seconds / PERIOD / 0.98 + 2
    assert fresh < count / 2
    values = [int(frame.image[0, 0, 0]) for frame in sink.frames]
    assert values[-1] > 0


def test_pause_and_freeze(output):
    pacer, sink, *_ = output
    pacer.show(shot(77))
    sink.wait_for(shows(77))
    pacer.freeze(True)
    assert pacer.state == "frozen"
    pacer.show(shot(99))
    begun = monotonic()
    sink.wait_for(lambda frame: sink.times[-1] - begun > 0.3)  # longer than what may be stale
    assert shows(77)(sink.frames[-1])
    pacer.pause(True)
    sink.wait_for(is_slate)
    assert pacer.state == "paused"
    pacer.freeze(False)
    pacer.show(shot(99))
    for _ in range(3):
        sink.wait_for(is_slate)
    pacer.pause(False)
    pacer.show(shot(55))
    sink.wait_for(shows(55))
    assert pacer.state == "shown"
    assert not any(shows(99)(frame) for frame in sink.frames)


def test_frozen_with_nothing_to_keep_is_the_slate(output):
    pacer, sink, *_ = output
    pacer.freeze(True)
    pacer.show(shot())
    for _ in range(3):
        sink.wait_for(is_slate)
    assert pacer.state == "slate"
    assert not any(shows(77)(frame) for frame in sink.frames)


def fails(pacer: Pacer) -> None:
    pacer.blank()


def pauses(pacer: Pacer) -> None:
    pacer.pause(True)
    assert pacer.state == "paused"
    pacer.pause(False)


def sleeps(pacer: Pacer) -> None:
    pacer.sleep(True)
    assert pacer.state == "asleep"
    pacer.sleep(False)


@pytest.mark.parametrize("happens", [fails, pauses, sleeps])
def test_a_frozen_picture_stays_whatever_happens_and_is_not_shown_after_its_end(output, happens):
    pacer, sink, *_ = output
    pacer.stale = 30  # its age is not what ends it
    pacer.show(shot(77))
    sink.wait_for(shows(77))
    pacer.freeze(True)
    pacer.show(shot(99))
    happens(pacer)
    for _ in range(3):
        sink.wait_for(shows(77))
    assert pacer.state == "frozen"
    pacer.freeze(False)
    for _ in range(3):
        sink.wait_for(is_slate)  # neither: both were before what happened
    assert pacer.state == "slate"
    pacer.freeze(False)
    pacer.show(shot(55))
    sink.wait_for(shows(55))
    assert pacer.state == "shown"
    assert not any(shows(99)(frame) for frame in sink.frames)


@pytest.mark.parametrize("on", ["paused", "asleep"])
def test_a_frozen_picture_is_not_shown_in_a_pause(output, on):
    pacer, sink, *_ = output
    pacer.show(shot(77))
    sink.wait_for(shows(77))
    pacer.freeze(True)
    (pacer.pause if on == "paused" else pacer.sleep)(True)
    sink.wait_for(is_slate)
    start = len(sink.frames)
    for _ in range(5):
        sink.wait_for(is_slate)
    assert all(is_slate(frame) for frame in sink.frames[start:])
    assert pacer.state == on


def test_the_end_of_a_freeze_brings_the_newest_frame_without_a_slate_between(output):
    pacer, sink, *_ = output
    pacer.stale = 30
    pacer.show(shot(77))
    sink.wait_for(shows(77))
    start = len(sink.frames)
    pacer.freeze(True)
    pacer.show(shot(99))
    sink.wait_for(shows(77))
    pacer.freeze(False)
    sink.wait_for(shows(99))
    assert not any(is_slate(frame) for frame in sink.frames[start:])


def test_blank_ends_what_is_shown_at_once(output):
    pacer, sink, *_ = output
    pacer.show(shot())
    sink.wait_for(shows(77))
    pacer.blank()
    sink.wait_for(is_slate)
    assert pacer.state == "slate"


def test_another_slate(output):
    pacer, sink, *_ = output
    other = np.broadcast_to(BACKGROUND, (HEIGHT, WIDTH, 3)).copy()
    pacer.change_slate(other)
    sink.wait_for(lambda frame: bool((frame.image == other).all()))


def test_a_shot_of_another_size_is_refused(output):
    pacer, *_ = output
    wrong = Shot(
        np.zeros((5, 5, 3), np.uint8), Matte(np.zeros((5, 5), np.float32)), Fraction(0), monotonic(), monotonic()
    )
    with pytest.raises(StageError, match=r"\(5, 5, 3\)"):
        pacer.show(wrong)


def test_a_sink_that_fails_for_long_ends_the_output(output, monkeypatch):
    monkeypatch.setattr(pacers, "_HOPELESS", 0.2)
    pacer, sink, _, _, poison, said = output
    poison.raises = SinkError("the disk is gone")
    sink.wait_for(lambda frame: pacer.error is not None)
    assert "the disk is gone" in str(pacer.error)
    assert len(said) == 1


def test_closing_does_not_wait_for_a_sink_that_hangs(output):
    pacer, _, _, _, poison, _ = output
    poison.hangs = True
    assert poison.entered.wait(10)
    begun = monotonic()
    pacer.close()
    assert monotonic() - begun < 2
