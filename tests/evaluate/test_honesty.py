"""What a model was trained on is said; what was published stands beside."""

from __future__ import annotations

import pytest

from livebg.evaluate.honesty import contamination, published


@pytest.mark.parametrize(
    ("dataset", "models", "said"),
    [
        ("ecssd", ("u2net", "none"), None),
        ("DUTS-TR", ("u2netp",), "u2netp trained on DUTS-TR"),
        ("ecssd", ("u2net", "cascadepsp"), "cascadepsp trained on ecssd"),
        ("duts-te", ("u2net", "cascadepsp"), "cascadepsp trained on duts-te"),
        ("dut-omron", ("cascadepsp",), "cascadepsp trained on dut-omron"),
        ("hku-is", ("u2net", "cascadepsp"), None),
        ("DUT_OMRON", ("cascadepsp",), "cascadepsp trained on DUT_OMRON"),
        ("talkinghead", ("people", "guided"), None),
        ("msra10k", ("u2net", "cascadepsp"), "cascadepsp trained on msra10k"),
    ],
)
def test_contaminated_pairs(dataset, models, said):
    assert contamination(dataset, *models) == said


def test_a_checkpoint_of_ones_own_is_unknown():
    assert contamination("ecssd", "mine.onnx").startswith("unknown: what mine.onnx was trained on")


def test_published_figures_are_for_320():
    assert published("u2net", "ECSSD", size="320") == {"max_f": 0.951, "mae": 0.033}
    assert published("u2netp", "ecssd", size="320") == {"max_f": 0.943, "mae": 0.041}
    assert published("u2net", "ecssd", size="128") == {}
    assert published("mine.onnx", "ecssd", size="320") == {}
