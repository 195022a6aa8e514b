"""The bench of edge colours gives figures that can be written down."""

from __future__ import annotations

import json

import pytest

from livebg.bench import foreground
from livebg.bench.foreground import bench_foreground
from livebg.errors import SourceError


def test_it_gives_json_and_more_than_half_of_the_error_goes(shared_data, monkeypatch):
    monkeypatch.setattr(foreground, "SIZES", {"small": (160, 90)})
    lines: list[str] = []
    result = bench_foreground(shared_data / "people", count=2, rounds=1, device="cpu", progress=lines.append)
    assert json.loads(json.dumps(result)) == result
    assert set(result["cost"]) == {"small"}
    for cost in result["cost"].values():
        assert set(cost) == {
            "band_percent",
            "estimate_ms",
            "estimate_cpu_ms",
            "light_wrap_ms",
            "light_wrap_cpu_ms",
            "cpu_ms",
        }
        assert 0 < cost["band_percent"] < 50
    for error in result["error"].values():
        assert error["people"] == 2
        assert error["reduction_percent"] > 50
        assert error["with"] < error["without"]
    assert len(lines) == 3


def test_a_folder_without_people_is_named(tmp_path):
    with pytest.raises(SourceError, match="cutouts200"):
        bench_foreground(tmp_path)
