"""Score into alpha."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.segment.alpha import matte_curve, score_to_alpha, stretch

RAMP = np.linspace(0, 1, 1001, dtype=np.float32).reshape(1, -1)


def test_the_curve_is_monotone_symmetric_and_takes_sure_pixels_to_the_ends():
    curve = matte_curve(RAMP)[0]
    assert curve.dtype == np.float32
    assert (np.diff(curve) >= 0).all()
    assert (curve[:101] == 0).all()
    assert (curve[900:] == 1).all()
    assert curve[500] == pytest.approx(0.5, abs=1e-6)
    assert curve + curve[::-1] == pytest.approx(np.ones(1001), abs=1e-5)


def test_a_flat_map_has_no_subject():
    assert (stretch(np.full((4, 4), 0.7, np.float32)) == 0).all()


def test_stretching_spans_the_whole_range():
    stretched = stretch(np.array([[0.2, 0.3, 0.6]], np.float32))
    assert stretched == pytest.approx(np.array([[0, 0.25, 1]]))


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (320, 320), (1921, 1079)])
@pytest.mark.parametrize("mode", ["matte", "raw"])
@pytest.mark.parametrize("normalise", ["none", "minmax"])
def test_alpha_is_of_the_frame_s_size_and_in_range(size, mode, normalise):
    score = np.random.default_rng(0).random((320, 320), dtype=np.float32)
    alpha = score_to_alpha(score, size, mode=mode, normalise=normalise)
    assert alpha.dtype == np.float32
    assert alpha.shape == size[::-1]
    assert alpha.flags.c_contiguous
    assert 0 <= alpha.min() <= alpha.max() <= 1


def test_raw_at_the_model_s_size_is_the_score():
    score = np.random.default_rng(0).random((64, 96), dtype=np.float32)
    assert (score_to_alpha(score, (96, 64), mode="raw") == score).all()


def test_alpha_is_never_the_runtime_s_own_array():
    score = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    alpha = score_to_alpha(score, (32, 32), mode="raw")
    assert not np.shares_memory(alpha, score)
