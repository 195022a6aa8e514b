"""Our measures against PySODMetrics' numbers, and against what can be counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from livebg.evaluate.boundary import boundary_accuracy, boundary_f
from livebg.evaluate.metrics import PER_IMAGE, ImageScore, curves_of, score_image, summarise
from tests.evaluate.cases import cases

EXPECTED = json.loads((Path(__file__).parent / "reference" / "expected.json").read_text(encoding="utf-8"))


def score(name: str) -> ImageScore:
    matte, mask = cases()[name]
    return score_image(matte, mask > 128, stretch=True)


@pytest.mark.parametrize("name", list(cases()))
def test_one_picture_agrees_with_the_reference(name):
    row = summarise([score(name)])
    for measure, expected in EXPECTED[name].items():
        if expected is None:
            assert np.isnan(row[measure])
        else:
            assert row[measure] == pytest.approx(expected, abs=1e-6), measure


def test_a_set_agrees_with_the_reference():
    row = summarise([score(name) for name in cases()])
    for measure, expected in EXPECTED["the whole set"].items():
        assert row[measure] == pytest.approx(expected, abs=1e-6), measure


def test_every_case_of_the_reference_is_compared():
    assert set(EXPECTED) == {*cases(), "the whole set"}


def test_counts_by_hand():
    # A row of ten: six of the subject, eight chosen, five of them rightly.
    mask = np.array([[1, 1, 1, 1, 1, 1, 0, 0, 0, 0]], bool)
    matte = np.array([[255, 255, 255, 255, 255, 0, 255, 255, 255, 0]], np.uint8)
    found = score_image(matte, mask, stretch=False)
    assert (found.hits, found.false, found.missed) == (5, 3, 1)
    assert found.iou == pytest.approx(5 / 9)
    assert found.precision == pytest.approx(5 / 8)
    assert found.recall == pytest.approx(5 / 6)
    assert found.f_beta == pytest.approx(1.3 * (5 / 8) * (5 / 6) / (0.3 * 5 / 8 + 5 / 6))
    assert found.mae == pytest.approx(0.4)


def test_mean_over_pictures_and_pooled_over_pixels_differ():
    small, large = np.ones((2, 2), bool), np.ones((20, 20), bool)
    right = score_image(np.full((20, 20), 255, np.uint8), large, stretch=False)
    wrong = score_image(np.zeros((2, 2), np.uint8), small, stretch=False)
    row = summarise([right, wrong])
    assert row["iou"] == pytest.approx(0.5)
    assert row["iou_pooled"] == pytest.approx(400 / 404)


def test_the_worst_tenth_and_false_alarms_by_hand():
    """Of 21 pictures the worst two; of three rooms with nobody one shows somebody, faintly or not."""
    mask = np.arange(100).reshape(10, 10) < 50

    def found(rows: int):
        return score_image(
            np.where(np.arange(100).reshape(10, 10) < 10 * rows, 255, 0).astype(np.uint8), mask, stretch=False
        )

    row = summarise([found(1), found(2), *[found(5)] * 19])
    assert row["iou_worst"] == pytest.approx((0.2 + 0.4) / 2)
    assert row["iou_p10"] == pytest.approx(1.0)
    assert summarise([found(1), found(2), *[found(5)] * 9])["iou_p10"] == pytest.approx(0.4)
    assert np.isnan(row["false_alarms"])
    assert summarise([found(4)])["iou_worst"] == pytest.approx(0.8)
    nobody = np.zeros((10, 10), bool)
    rooms = [score_image(np.full((10, 10), level, np.uint8), nobody, stretch=False) for level in (0, 5, 6)]
    assert summarise([found(1), *rooms])["false_alarms"] == pytest.approx(1 / 3)


def test_the_papers_f_averages_precision_and_recall_first():
    first, second = score("blob-0"), score("noise")
    curves = curves_of([first, second])
    of_means = 1.3 * curves.precision * curves.recall / (0.3 * curves.precision + curves.recall)
    row = summarise([first, second])
    assert row["max_f"] == pytest.approx(of_means.max())
    assert row["max_f_sod"] == pytest.approx(curves.f_beta.max())
    assert row["max_f"] != pytest.approx(row["max_f_sod"], abs=1e-3)


def test_stretching_changes_a_faint_map_and_not_a_flat_one():
    mask = np.arange(100).reshape(10, 10) >= 50
    faint = np.where(mask, 60, 20).astype(np.uint8)
    assert score_image(faint, mask, stretch=True).mae == 0
    assert score_image(faint, mask, stretch=False).iou == 0
    flat = np.full((10, 10), 51, np.uint8)
    assert score_image(flat, mask, stretch=True).mae == pytest.approx(0.5)


def test_nothing_there_and_nothing_found_is_right():
    nothing = score_image(np.zeros((8, 8), np.uint8), np.zeros((8, 8), bool), stretch=True)
    assert (nothing.iou, nothing.precision, nothing.recall, nothing.f_beta) == (1, 1, 1, 1)
    assert nothing.boundary_f == 1
    assert np.isnan(nothing.mba)


def test_one_by_one():
    row = summarise([score_image(np.full((1, 1), 255, np.uint8), np.ones((1, 1), bool), stretch=True)])
    assert row["iou"] == row["s_measure"] == row["max_f"] == 1


def test_subject_in_the_last_row_and_column():
    mask = np.zeros((12, 9), bool)
    mask[-1, -1] = True
    found = score_image(np.where(mask, 255, 0).astype(np.uint8), mask, stretch=True)
    assert found.s_measure == pytest.approx(1)
    assert found.weighted_f == pytest.approx(1)


def test_boundary_f_forgives_what_is_within_its_tolerance():
    mask = np.zeros((100, 100), bool)
    mask[30:70, 30:70] = True
    assert boundary_f(np.roll(mask, 2, axis=1), mask) == 1  # ceil(0.008 * 141.4) = 2 pixels
    assert boundary_f(np.roll(mask, 3, axis=1), mask) < 1
    assert boundary_f(np.zeros_like(mask), mask) == 0


def test_boundary_accuracy_by_hand():
    # Radius 1 everywhere: of the two columns on each side of the edge, one is wrong.
    mask = np.zeros((10, 10), bool)
    mask[:, 5:] = True
    shifted = np.zeros((10, 10), bool)
    shifted[:, 6:] = True
    assert boundary_accuracy(shifted, mask) == pytest.approx(0.5)


def test_a_record_survives_json():
    for name in ("blob-2", "empty mask"):
        before = score(name)
        after = ImageScore.from_json(json.loads(json.dumps(before.to_json())))
        for measure in PER_IMAGE:
            assert getattr(after, measure) == pytest.approx(getattr(before, measure), abs=1e-8, nan_ok=True)
        assert np.array_equal(after.subject, before.subject)
