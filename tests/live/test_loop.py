from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from time import monotonic

import numpy as np
import pytest

from livebg.frame import Frame, Matte
from livebg.live import loop as loops
from livebg.live.checks import require_motion
from livebg.live.view import View
from livebg.motion import Motion
from livebg.smooth import Smoother
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


def test_a_failure_is_told_once_and_again_when_it_was_long_over(live_run):
    run = live_run("sync")
    for times, away in ((1, 0), (1, 0), (2, 11)):
        run.sink.wait_for(is_person)
        run.loop._told = {kind: told - away for kind, told in run.loop._told.items()}
        run.poisons["refiner"].raises = ValueError("poison\nin two lines, the first of 0.25")
        for number in range(3):
            before = run.poisons["refiner"].taken
            run.sink.wait_for(lambda frame, before=before: run.poisons["refiner"].taken > before)
            run.poisons["refiner"].raises = ValueError(f"poison\nin two lines, the first of {number}")
        run.poisons["refiner"].heal()
        run.sink.wait_for(is_person)
        assert run.said == ["the slate is shown: ValueError: poison in two lines, the first of 0.25"] * times
    assert run.statistics.whole()["errors"] > 8


def test_after_a_failure_every_stage_forgets(live_run):
    run = live_run("sync")
    run.sink.wait_for(is_person)
    parts = run.loop.parts
    stages = (parts.tracker, parts.smoother, parts.refiner, parts.framing, parts.compositor)
    before = [each.resets for each in stages]
    run.poisons["compositor"].raises = ValueError("poison")
    run.sink.wait_for(is_slate)
    run.poisons["compositor"].heal()
    run.sink.wait_for(is_person)
    assert all(each.resets > resets for each, resets in zip(stages, before, strict=True))


def test_another_part_of_the_picture_begins_without_the_mattes_of_the_last(live_run):
    run = live_run()
    run.sink.wait_for(is_person)
    parts = run.loop.parts
    resets = parts.smoother.resets
    run.poisons["segmenter"].hangs = True  # whatever is shown from now on has an earlier matte
    assert run.poisons["segmenter"].entered.wait(10)
    run.loop.use(replace(parts, view=View(WIDTH, HEIGHT, crop=(WIDTH // 2, 0, WIDTH // 2, HEIGHT))))
    assert run.loop.settled(10)
    assert parts.smoother.resets > resets
    run.sink.wait_for(is_slate)  # and no room under a matte of the whole
    run.poisons["segmenter"].heal()
    assert run.statistics.whole()["errors"] == 0
    assert run.sink.leaks == 0


def test_after_a_cut_that_was_not_shown_nothing_of_the_old_subject_is_held(live_run):
    """The smoother never sees the cut: no matte was there in time. It holds what is lost where the picture stands."""
    run = live_run()
    run.loop.use(replace(run.loop.parts, smoother=Smoother("strong")))
    for _ in range(20):
        run.sink.wait_for(is_person)
    segmenter, tracker, camera = (run.poisons[name] for name in ("segmenter", "tracker", "camera"))
    segmenter.hangs = True
    assert segmenter.entered.wait(10)
    tracker.harm = lambda motion: motion and replace(motion, cut=True)
    run.sink.wait_for(is_slate)
    camera.harm = lambda image: np.ascontiguousarray(image[:, ::-1])
    captured = run.statistics.whole()["captured"]
    while run.statistics.whole()["captured"] < captured + 3:
        threading.Event().wait(0.01)
    tracker.heal()
    segmenter.harm = lambda matte: Matte(np.ascontiguousarray(matte.alpha[:, ::-1]))
    segmenter.hangs = False
    segmenter.free.set()
    for _ in range(5):
        run.sink.wait_for(lambda frame: is_person(replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))))
    assert run.statistics.whole()["errors"] == 0
    assert run.sink.leaks == 0


@pytest.mark.parametrize("latency", ["low", "sync"])
def test_nothing_is_carried_over_the_time_that_a_camera_was_away(live_run, latency):
    """It comes back by itself, with the person elsewhere, and motion sees no cut."""
    run = live_run(latency, stale=1.0)
    segmenter, camera = run.poisons["segmenter"], run.poisons["camera"]
    turned = threading.Event()

    def slowly(matte):
        turned.wait(0.1)  # as long as a real one takes
        return Matte(np.ascontiguousarray(matte.alpha[:, ::-1])) if turned.is_set() else matte

    segmenter.harm = slowly
    run.sink.wait_for(lambda frame: run.statistics.whole()["segmented"] > 3)
    run.sink.wait_for(is_person)
    resets = run.loop.parts.compositor.resets
    camera.hangs = True
    run.sink.wait_for(is_slate)
    turned.set()
    camera.harm = lambda image: np.ascontiguousarray(image[:, ::-1])
    camera.hangs = False
    camera.free.set()
    run.sink.wait_for(lambda frame: is_person(replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))))
    assert run.sink.leaks == 0
    assert run.said == []  # above all not that the machine is too slow
    assert run.loop.parts.compositor.resets == resets + 1


def test_a_camera_that_stumbles_was_not_away(live_run):
    run = live_run(stale=30)
    run.sink.wait_for(is_person)
    camera = run.poisons["camera"]
    camera.hangs = True
    assert camera.entered.wait(10)
    camera.free.wait(0.3)  # thirty of its intervals
    camera.heal()
    captured = run.statistics.whole()["captured"]
    run.sink.wait_for(lambda frame: run.statistics.whole()["captured"] > captured + 1)
    assert run.loop.parts.compositor.resets == 1  # at the start


def test_a_slow_camera_is_not_away_between_its_frames(live_run):
    run = live_run(stale=0.1, rate=Fraction(4))
    begun = monotonic()
    run.sink.wait_for(lambda frame: run.statistics.whole()["captured"] > 4)
    assert monotonic() - begun > 1
    assert run.loop.parts.compositor.resets <= 2  # at the start, and where its first gap was news
    assert ["a longer --stale" in line for line in run.said] == [True]


def test_the_loop_sleeps_and_changes_while_no_frame_comes(live_run):
    run = live_run()
    run.sink.wait_for(is_person)
    run.poisons["camera"].hangs = True  # the cable is out
    assert run.poisons["camera"].entered.wait(10)
    run.loop.use(replace(run.loop.parts, compositor=OnRed(Poison())))
    assert run.loop.settled(10)
    run.loop.sleep(True)
    assert run.poisons["camera"].free.wait(10)  # by the camera's close()
    run.poisons["camera"].heal()
    run.loop.sleep(False)
    run.sink.wait_for(is_on_red)
    assert run.statistics.whole()["errors"] == 0


def test_stages_change_while_the_camera_sleeps(live_run):
    run = live_run()
    run.sink.wait_for(is_person)
    run.loop.sleep(True)
    closed = threading.Event()
    while run.loop._camera is not None:
        closed.wait(0.01)
    for _ in range(2):
        run.loop.use(replace(run.loop.parts, compositor=OnRed(Poison())))
        assert run.loop.settled(10)
    run.loop.sleep(False)
    run.sink.wait_for(is_on_red)


def test_stages_change_in_the_pause_after_a_failure(live_run, monkeypatch):
    monkeypatch.setattr(loops, "_PAUSES", (60.0,))
    run = live_run(broken="camera")
    while not run.said:
        run.sink.wait_for(is_slate)
    run.loop.use(replace(run.loop.parts, compositor=OnRed(Poison())))
    assert run.loop.settled(10)


def test_figures_count_what_happened(live_run):
    run = live_run("low")
    for _ in range(5):
        run.sink.wait_for(is_person)
    whole = run.statistics.whole()
    assert whole["captured"] >= whole["fresh"] >= 2
    assert 0 < whole["carried"] <= whole["fresh"]
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
