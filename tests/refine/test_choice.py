"""Which refiner a configuration gives, and what is said where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from livebg.build import open_refiner, refiner_of
from livebg.config import RefineConfig
from livebg.config_file import load
from livebg.errors import WeightsError
from livebg.refine import Bilinear, Guided, cascade_psp
from livebg.refine.every_picture import EveryPicture
from livebg.refine.keyframe_refiner import KeyframeRefiner


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list[dict]:
    """Nothing fetched, and a network that only notes how it was asked for."""
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    calls: list[dict] = []

    class Network:
        def __init__(self, weights: Path | None, **options: object) -> None:
            calls.append({"weights": weights, **options})

    monkeypatch.setattr(cascade_psp, "CascadePSP", Network)
    return calls


@pytest.mark.parametrize(
    ("weights", "device", "chosen"),
    [
        (None, "cuda", "guided"),
        (None, "cpu", "guided"),
        ("mine.pth", "cpu", "guided"),
        ("mine.pth", "cuda:1", "cascadepsp"),
    ],
)
def test_auto_takes_cascadepsp_where_weights_and_a_gpu_are(asked, weights, device, chosen):
    assert refiner_of(RefineConfig(refine_weights=weights), device) == chosen


def test_the_paper_s_configuration_refines_every_picture_ungated(asked):
    refiner = open_refiner(load("paper").refine, "cpu", stills=True)
    assert isinstance(refiner, EveryPicture)
    assert asked == [{"weights": None, "mode": "full", "size": 900, "device": "cpu"}]
    assert isinstance(open_refiner(load("paper").refine, "cpu"), EveryPicture), "in a video too"


def test_asked_for_by_name_it_works_on_gated_keyframes_beside_what_is_live(asked):
    with open_refiner(RefineConfig(refine="cascadepsp"), "cpu", live=True) as refiner:
        assert isinstance(refiner, KeyframeRefiner)
        assert refiner._gate
        assert refiner._beside is not None


def test_what_is_live_waits_for_no_refinement_not_even_by_the_paper_s_configuration(asked):
    with open_refiner(load("paper").refine, "cpu", live=True) as refiner:
        assert isinstance(refiner, KeyframeRefiner)
        assert not refiner._gate
        assert refiner._beside is not None


def test_the_cheap_ones_ask_for_no_network(asked):
    assert isinstance(open_refiner(RefineConfig(refine="none"), "cpu"), Bilinear)
    assert isinstance(open_refiner(RefineConfig(refine="guided"), "cpu"), Guided)
    assert not asked


def test_asked_for_by_name_and_absent_is_an_error_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="livebg models pull cascadepsp"):
        open_refiner(RefineConfig(refine="cascadepsp"), "cpu")
