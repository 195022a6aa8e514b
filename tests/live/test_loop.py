from __future__ import annotations

import threading
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from livebg.frame import Frame
from livebg.live.checks import require_motion
from livebg.motion import Motion
from tests.live.stages import BACKGROUND, HEIGHT, PERSON, SLATE, WIDTH, FakeCompositor, Poison, is_person, is_slate

RED = np.array([200, 0, 0], np.uint8)


class OnRed(FakeCompositor):
    def compose(self, frame, matte):
        composed = super().compose(frame, matte)
        return composed.with_image(
            np.where((composed.image == BACKGROUND).all(axis=2, keepdims=True), RED, composed.image)
        )


def is_on_red(frame: Frame) -> bool:
    return bool((frame.image[:, : WIDTH // 2] == PERSON).all() and (frame.image[:, WIDTH // 2 :] == RED).all())


@pytest.mark.parametrize("latency", ["low", "sync"])
def test_other_stages_take_over_between_two_frames_and_nothing_is_missed(live_run, latency):
    run = live_run(latency)
    run.sink.wait_for(is_person)
    start = len(run.sink.frames)
    run.loop.use(replace(run.loop.parts, compositor=OnRed(Poison())))
    assert run.loop.settled(10)
    run.sink.wait_for(is_on_red)
    since = run.sink.frames[start:]
    assert all(is_person(frame) or is_on_red(frame) for frame in since)
    first = next(index for index, frame in enumerate(since) if is_on_red(frame))
    assert all(is_on_red(frame) for frame in since[first:])


def test_nobody_in_the_picture_for_long_brings_the_slate_and_somebody_ends_it(live_run):
    run = live_run(empty=0.2)
    run.sink.wait_for(is_person)

    def nobody(good):
        return replace(good, alpha=np.zeros_like(good.alpha))

    run.poisons["segmenter"].harm = nobody
    run.sink.wait_for(lambda frame: bool((frame.image == BACKGROUND).all()))  # for a while, the background alone
    run.sink.wait_for(is_slate)
    run.poisons["segmenter"].heal()
    run.sink.wait_for(is_person)
    assert run.statistics.whole()["errors"] == 0


def test_an_empty_picture_may_be_shown_for_ever_where_that_is_wanted(live_run):
    run = live_run(empty=0)
    run.poisons["segmenter"].harm = lambda good: replace(good, alpha=np.zeros_like(good.alpha))
    run.sink.wait_for(lambda frame: bool((frame.image == BACKGROUND).all()))
    begun = monotonic()
    run.sink.wait_for(lambda frame: monotonic() - begun > 0.5)
    assert not any((frame.image == SLATE).all() for frame in run.sink.frames[-5:])


def test_a_camera_that_ends_ends_the_run(live_run):
    ended = threading.Event()
    run = live_run(frames=5, ended=ended.set)
    assert ended.wait(10)
    assert run.statistics.whole()["captured"] == 5


def test_a_failure_is_told_once_and_again_after_it_was_over(live_run):
    run = live_run("sync")
    for times in (1, 2):
        run.sink.wait_for(is_person)
        run.poisons["refiner"].raises = ValueError("poison\nin two lines")
        before = run.poisons["refiner"].taken
        run.sink.wait_for(lambda frame, before=before: run.poisons["refiner"].taken > before + 3)
        run.poisons["refiner"].heal()
        run.sink.wait_for(is_person)
        assert run.said == ["the slate is shown: ValueError: poison in two lines"] * times
    assert run.statistics.whole()["errors"] > 4


def test_figures_count_what_happened(live_run):
    run = live_run("low")
    for _ in range(5):
        run.sink.wait_for(is_person)
    whole = run.statistics.whole()
    assert whole["captured"] >= whole["fresh"] >= 2
    assert whole["carried"] > 0
    assert whole["segmented"] > 0
    assert set(whole["stages_ms"]) >= {"motion", "segment", "carry", "smooth", "refine", "compose"}


@pytest.mark.parametrize("stage", ["camera", "tracker", "segmenter", "compositor"])
def test_closing_does_not_wait_for_what_hangs(live_run, stage):
    run = live_run("sync")
    run.sink.wait_for(is_person)
    run.poisons[stage].hangs = True
    assert run.poisons[stage].entered.wait(10)
    begun = monotonic()
    run.loop.close()
    run.drafting.close()
    run.pacer.close()
    assert monotonic() - begun < 2


def test_no_motion_at_all_is_fine():
    require_motion(None)
    require_motion(Motion(np.zeros((HEIGHT, WIDTH, 2), np.float32), np.zeros((HEIGHT, WIDTH), np.float32), cut=True))
