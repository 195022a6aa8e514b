from __future__ import annotations

import pytest

from livebg.bench.live import bench_live, carried_iou
from livebg.config import Config
from livebg.errors import LivebgError

SMALL = ("--model", "people-nano", "--size", "64", "--capture-size", "160x96", "--stale", "30")


def test_a_short_run_gives_every_figure(demo_clip):
    said = []
    found = bench_live(demo_clip, seconds=4, options=SMALL, progress=said.append)
    assert found["final"]["final"] is True
    assert found["final"]["fresh"] > 0
    assert found["fps_fresh"] > 0
    assert set(found["met"]) == {"missed_share", "latency_p95_ms", "mask_age_p95_ms", "growth_mb"}
    assert found["growth_mb"] is None  # shorter than it takes to settle
    assert found["cpu"] > 0
    assert said


def test_a_run_that_fails_says_why(demo_clip):
    with pytest.raises(LivebgError, match="did you mean people"):
        bench_live(demo_clip, seconds=4, options=("--model", "peopel"))


def test_carried_mattes_are_compared_with_each_frames_own(demo_clip):
    config = Config().override(
        {
            "segment": {"model": "people-nano", "size": "64"},
            "live": {"capture_size": "160x96", "stale": 30},
            "compose": {"background": "color:teal"},
        }
    )
    found = carried_iou(demo_clip, config, seconds=20)
    assert found["frames"] > 0
    assert 0 < found["worst"] <= found["iou"] <= 1
