"""Every stage goes wrong in every way, in turn, while frames flow; no frame that comes out shows the room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livebg.errors import DeviceError, SourceError
from livebg.frame import Frame, Matte
from livebg.motion import Motion
from tests.live.stages import BACKGROUND, HEIGHT, ROOM, WIDTH, is_person, is_slate, picture, shows_the_room

ALL = ("camera", "tracker", "segmenter", "smoother", "refiner", "framing", "compositor", "sink")
RAISED = {
    "a library's error": ValueError("poison"),
    "our own": SourceError("poison"),
    "out of memory": MemoryError("poison"),
    "device lost": DeviceError("poison"),
    "an assertion": AssertionError("poison"),
}


def with_alpha(alpha_of):
    """Harm for what carries a matte: a matte, or drafts."""

    def harm(good):
        if isinstance(good, Matte):
            return Matte(alpha_of(good.alpha))
        return [replace(draft, matte=Matte(alpha_of(draft.matte.alpha))) for draft in good]

    return harm


def in_a_pair(harm):
    """The same harm to the matte of a frame and its matte."""

    def harm_pair(good):
        return good[0], harm(good[1])

    return harm_pair


def nan(alpha):
    alpha = alpha.copy()
    alpha[:, alpha.shape[1] // 2 :] = np.nan
    return alpha


def one_nan(alpha):
    alpha = alpha.copy()
    alpha[-1, -1] = np.nan
    return alpha


MATTES = {
    "NaN": with_alpha(nan),
    "one NaN": with_alpha(one_nan),
    "infinity": with_alpha(lambda alpha: np.full_like(alpha, np.inf)),
    "above 1": with_alpha(lambda alpha: np.full_like(alpha, 255)),
    "all of the picture": with_alpha(np.ones_like),
    "wrong size": with_alpha(lambda alpha: np.ones((5, 7), np.float32)),
    "no size": with_alpha(lambda alpha: np.ones((0, 7), np.float32)),
    "nothing at all": lambda good: None,
}
FLOWS = {
    "NaN": lambda good: Motion(np.full((12, 16, 2), np.nan, np.float32), np.ones((12, 16), np.float32)),
    "infinity": lambda good: Motion(np.full((12, 16, 2), np.inf, np.float32), np.ones((12, 16), np.float32)),
    "far away": lambda good: Motion(np.full((12, 16, 2), -1e9, np.float32), np.ones((12, 16), np.float32)),
    "trust NaN": lambda good: Motion(np.zeros((12, 16, 2), np.float32), np.full((12, 16), np.nan, np.float32)),
    "wrong size": lambda good: Motion(np.zeros((12, 16, 2), np.float32), np.ones((3, 3), np.float32)),
    "three channels": lambda good: Motion(np.zeros((12, 16, 3), np.float32), np.ones((12, 16), np.float32)),
}
HARMS = [
    *(("segmenter", name, harm) for name, harm in MATTES.items()),
    *(("smoother", name, harm) for name, harm in MATTES.items()),
    ("smoother", "another frame's", lambda good: [replace(d, frame=Frame(picture())) for d in good]),
    *(("refiner", name, harm) for name, harm in MATTES.items()),
    *(("tracker", name, harm) for name, harm in FLOWS.items()),
    *(("framing", name, in_a_pair(harm)) for name, harm in MATTES.items() if name != "all of the picture"),
    ("camera", "wrong size", lambda good: np.ascontiguousarray(np.repeat(good, 2, axis=0))),
    ("camera", "one pixel", lambda good: np.ascontiguousarray(good[:1, :1])),
    ("compositor", "wrong size", lambda good: Frame(np.ascontiguousarray(good.image[:5]))),
    ("compositor", "nothing at all", lambda good: None),
]


def test_the_room_would_be_seen():
    assert shows_the_room(picture())
    assert shows_the_room(np.full((4, 4, 3), ROOM))
    mixed = (0.25 * ROOM + 0.75 * BACKGROUND).astype(np.uint8)
    assert shows_the_room(np.full((4, 4, 3), mixed))
    assert not shows_the_room(np.full((HEIGHT, WIDTH, 3), BACKGROUND))


@pytest.mark.parametrize("latency", ["low", "sync"])
@pytest.mark.parametrize("stage", [each for each in ALL if each != "sink"])
@pytest.mark.parametrize("what", RAISED)
def test_a_stage_that_raises_brings_the_slate_and_the_stream_recovers(live_run, stage, what, latency):
    run = live_run(latency)
    run.sink.wait_for(is_person)
    run.poisons[stage].raises = RAISED[what]
    if stage != "sink":  # which sees what it refuses
        run.sink.wait_for(is_slate)
    else:
        run.sink.wait_for(lambda frame: any("poison" in line for line in run.said))
    run.poisons[stage].heal()
    run.sink.wait_for(is_person)
    assert run.poisons[stage].taken > 0
    assert run.sink.leaks == 0
    assert any("poison" in line for line in run.said)


@pytest.mark.parametrize("latency", ["low", "sync"])
@pytest.mark.parametrize(("stage", "what", "harm"), HARMS, ids=[f"{stage}: {what}" for stage, what, _ in HARMS])
def test_a_stage_that_gives_what_must_not_be_used_leaks_nothing(live_run, stage, what, harm, latency):
    run = live_run(latency)
    run.sink.wait_for(is_person)
    run.poisons[stage].harm = harm
    if stage != "camera":
        run.sink.wait_for(is_slate)
    else:
        run.sink.wait_for(lambda frame: run.poisons[stage].taken > 3)
    run.poisons[stage].heal()
    run.sink.wait_for(is_person)
    assert run.poisons[stage].taken > 0
    assert run.sink.leaks == 0


@pytest.mark.parametrize("latency", ["low", "sync"])
@pytest.mark.parametrize("stage", [each for each in ALL if each != "sink"])
def test_a_stage_that_hangs_is_covered_by_the_slate(live_run, stage, latency):
    run = live_run(latency)
    run.sink.wait_for(is_person)
    run.poisons[stage].hangs = True
    run.sink.wait_for(is_slate)
    last = next(frame for frame in reversed(run.sink.frames) if is_person(frame))
    slate = next(frame for frame in run.sink.frames if is_slate(frame) and frame.pts > last.pts)
    assert slate.pts - last.pts < 1
    run.poisons[stage].heal()
    run.sink.wait_for(is_person)
    assert run.sink.leaks == 0


@pytest.mark.parametrize("stage", [each for each in ALL if each != "sink"])
def test_a_poisoned_start_never_shows_anything_but_the_slate(live_run, stage):
    run = live_run(broken=stage)
    for _ in range(5):
        run.sink.wait_for(is_slate)
    assert all(is_slate(frame) for frame in run.sink.frames)
    run.poisons[stage].heal()
    run.sink.wait_for(is_person)
    assert run.sink.leaks == 0


def test_a_sink_that_hangs_gets_no_old_picture_when_it_returns(live_run):
    run = live_run()
    run.sink.wait_for(is_person)
    run.poisons["camera"].hangs = True  # so that nothing fresh comes meanwhile
    run.poisons["sink"].hangs = True
    count = len(run.sink.frames)
    run.poisons["sink"].free.wait(0.6)
    run.poisons["sink"].heal()
    run.sink.wait_for(is_slate)
    assert not any(is_person(frame) for frame in run.sink.frames[count + 2 :])


def test_a_compositor_that_hands_the_cameras_picture_on_is_found_out(live_run):
    run = live_run()
    run.sink.wait_for(is_person)
    seen = []
    compositor = run.loop.parts.compositor
    original = compositor.compose
    compositor.compose = lambda frame, matte: seen.append(frame) or frame  # the raw one
    run.sink.wait_for(is_slate)
    compositor.compose = original
    run.sink.wait_for(is_person)
    assert seen
    assert run.sink.leaks == 0
