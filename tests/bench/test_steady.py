"""The bench of what stands behind the segmenter measures every stage and leaves OpenCV's threads as they were."""

from __future__ import annotations

import json

import cv2
import pytest

from livebg.bench.steady import STAGES, steady_cost


@pytest.mark.parametrize("lookahead", [0, 2])
def test_every_stage_has_its_cost(lookahead):
    threads = cv2.getNumThreads()
    setting = {"width": 160, "height": 90, "matte": 64, "frames": 3, "threads": 1}
    report = json.loads(json.dumps(steady_cost(**setting, smooth="strong", lookahead=lookahead)))
    assert report["lookahead"] == lookahead
    assert set(report["cost"]) == {*STAGES, "all"}
    assert all(each["least_cpu_ms"] <= each["cpu_ms"] for each in report["cost"].values())
    whole = report["cost"]["all"]["least_wall_ms"]
    assert whole >= max(report["cost"][name]["least_wall_ms"] for name in STAGES) > 0
    assert cv2.getNumThreads() == threads
