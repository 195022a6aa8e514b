from __future__ import annotations

import json

import numpy as np
import pytest

from livebg.bench.refine import bench_refine
from livebg.bench.refine_call import disc
from livebg.errors import LivebgError


def test_the_picture_has_an_edge_for_the_mask_to_miss():
    image, alpha = disc(120, 80)
    assert image.shape == (80, 120, 3)
    assert alpha.shape == (80, 120)
    bright = image[..., 1] > 128
    assert 0 < np.logical_xor(bright, alpha > 0.5).sum() < bright.sum() / 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_case_has_time_and_memory():
    told = []
    result = bench_refine((72,), picture=(96, 64), device="cpu", rounds=1, progress=told.append)
    result = json.loads(json.dumps(result))
    assert [(call["mode"], call["size"]) for call in result["calls"]] == [("fast", 72), ("full", 72)]
    assert [call["crops"] > 0 for call in result["calls"]] == [False, True]
    assert len(told) == 2
    assert result["weights"] == "random, seeded"
    for call in result["calls"]:
        assert call["seconds"]["median"] > 0
        assert 270 < call["loaded_mb"] < call["peak_mb"]  # the network alone has 270


@pytest.mark.timeout(120)
def test_a_case_that_cannot_run_says_why(tmp_path):
    weights = tmp_path / "model"
    weights.write_bytes(b"no network")
    with pytest.raises(LivebgError, match="model is damaged"):
        bench_refine((72,), modes=("fast",), weights=weights, device="cpu")
