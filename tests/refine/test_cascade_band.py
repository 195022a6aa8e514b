from __future__ import annotations

import numpy as np
import pytest

from livebg.refine.cascade_band import band_weight, replace_band


def soft_edge(height: int = 40, width: int = 60) -> np.ndarray:
    """The left half is inside; at the right some glass that is 0.3 there; the edge runs between columns 29 and 30."""
    alpha = np.zeros((height, width), np.float32)
    alpha[:, :30] = 1
    alpha[:, 50:] = 0.3
    return alpha


def test_the_band_takes_the_score_and_the_rest_stays():
    alpha = soft_edge()
    score = np.full_like(alpha, 0.75)
    result = replace_band(alpha, score, 4)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result[:, 26:34], 0.75)  # 4 pixels either side, soft as it is
    np.testing.assert_array_equal(result[:, :20], alpha[:, :20])
    np.testing.assert_array_equal(result[:, 40:], alpha[:, 40:])  # the glass survives
    between = result[0, 34:40]
    assert (np.diff(between) <= 0).all()
    assert between[0] > between[-1]


def test_a_perfect_score_changes_nothing():
    alpha = soft_edge()
    np.testing.assert_array_equal(replace_band(alpha, alpha, 4), alpha)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_without_an_edge_there_is_no_band(value):
    alpha = np.full((9, 7), value, np.float32)
    np.testing.assert_array_equal(replace_band(alpha, 1 - alpha, 3), alpha)


def test_the_border_of_the_picture_is_no_edge():
    weight = band_weight(soft_edge(), 4)
    assert not weight[:, :20].any()
    assert not weight[:, -10:].any()


def test_the_width_is_symmetric_and_the_smallest_picture_has_no_edge():
    weight = band_weight(soft_edge(), 4)
    np.testing.assert_array_equal(weight[:, :30], weight[:, 59:29:-1])
    assert band_weight(np.ones((1, 1), np.float32), 4) == 0


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"one size, got \(40, 60\) and \(9, 9\)"):
        replace_band(soft_edge(), np.zeros((9, 9), np.float32), 4)
