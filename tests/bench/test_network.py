from __future__ import annotations

import json

import pytest

from livebg.bench.network import bench_network
from livebg.bench.pipeline import OUTSIDE, _Series, bench_pipeline
from livebg.bench.roofline import Roof
from livebg.config import Config
from livebg.errors import UsageError
from tests.media import write_clip


def test_the_roof_is_the_slower_of_the_two():
    roof = Roof("cpu", "float32", gflops=100, gbytes=10)
    assert roof.seconds(flop=200e9, moved=1) == 2
    assert roof.seconds(flop=1, moved=30e9) == 3


@pytest.mark.slow
def test_networks_stand_beside_what_the_machine_can_do():
    told: list[str] = []
    found = bench_network(("people-nano",), sizes=((64, 64), (96, 64)), batches=(1, 2), rounds=2, progress=told.append)
    found = json.loads(json.dumps(found))
    assert [(row["size"], row["batch"]) for row in found["rows"]] == [
        ("64x64", 1), ("64x64", 2), ("96x64", 1), ("96x64", 2),
    ]  # fmt: skip
    assert len(told) == 4
    small, large = found["rows"][0], found["rows"][2]
    assert large["gflop"] == pytest.approx(1.5 * small["gflop"], rel=0.05)
    assert all(0 < row["roofline"] < 1.5 for row in found["rows"])
    with pytest.raises(UsageError, match="there is no model"):
        bench_network(("peopel",))


def test_the_pipeline_is_timed_stage_by_stage(tmp_path):
    config = Config().override({"segment": {"model": "people-nano", "size": 64}})
    found = json.loads(json.dumps(bench_pipeline(write_clip(tmp_path / "c.mp4"), config, size=(160, 96), frames=7)))
    assert (found["frames"], found["segmented"], found["size"]) == (7, 7, "160x96")
    parts = {"motion", "segment", "smooth", "refine", "compose", OUTSIDE}
    assert set(found["stages_ms"]) >= parts
    assert set(found["stages_cpu_ms"]) == parts
    for stages in (found["stages_ms"], found["stages_cpu_ms"]):
        assert all(stage["p50"] <= stage["p95"] <= stage["p99"] for stage in stages.values())
        assert stages[OUTSIDE]["p99"] >= max(stages[name]["p50"] for name in ("motion", "smooth", "refine"))


def test_what_is_outside_segmentation_holds_carrying_and_no_segmenting():
    series = _Series()
    series.add({"motion": 1.0, "segment": 8.0, "smooth": 2.0, "compose": 4.0}, fresh=True)
    assert series.spreads()[OUTSIDE]["p99"] == 3000
    series.add({"motion": 2.0, "segment": 9.0, "smooth": 4.0, "compose": 8.0}, fresh=False)
    assert series.spreads()[OUTSIDE]["p50"] == 3500
