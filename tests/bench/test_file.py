from __future__ import annotations

import json

import pytest

from tests.media import write_clip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_bench_writes_ratios_and_memory(tmp_path):
    from livebg.bench.file import bench_file

    told = []
    result = bench_file(write_clip(tmp_path / "clip.mp4", frames=4), rounds=2, progress=told.append)
    result = json.loads(json.dumps(result))
    assert len(result["runs"]) == 2
    assert len(told) == 3
    assert all(run["frames"] == 4 for run in result["runs"])
    assert result["ratio"]["lowest"] <= result["ratio"]["median"] <= result["ratio"]["highest"]
    assert result["buffers_1080p"]["frames"] == 24
    # Two of its own promises, which hold on any machine.
    assert result["buffers_1080p"]["peak_mb"] < 150
    assert result["buffers_1080p"]["torch_imported"] is False
