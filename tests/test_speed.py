from __future__ import annotations

import json
import shutil
from fractions import Fraction

import pytest

from livebg import speed, weights
from livebg.config import Config
from livebg.pipeline import Matting, RunReport, run
from livebg.refine import Bilinear, Guided
from livebg.segment.segmenter import find_model
from livebg.speed import Cost, choose, measured


def config(word: str | None, **sections: dict[str, object]) -> Config:
    return Config().override({"segment": {"speed": word, **sections.pop("segment", {})}, **sections})


@pytest.fixture
def costs(monkeypatch):
    """What each network is said to cost."""
    known = {"people": Cost(0.040, 0.010), "people-nano": Cost(0.020, 0.010)}
    monkeypatch.setattr("livebg.speed.measured", lambda config, model: known[model])
    return known


@pytest.mark.parametrize(
    ("word", "model", "cadence"),
    [
        ("best", "people", 1),
        ("balanced", "people", "auto"),
        ("fastest", "people-nano", "auto"),
        ("auto", "people", "auto"),
    ],
)
def test_a_word_chooses_model_and_cadence(word, model, cadence):
    chosen = choose(config(word))
    assert (chosen.config.segment.model, chosen.config.smooth.cadence) == (model, cadence)
    assert f"--speed {word}" in chosen.why
    assert model in chosen.why


def test_what_the_user_set_stays():
    chosen = choose(config("fastest", segment={"model": "u2net"}, smooth={"cadence": 2})).config
    assert (chosen.segment.model, chosen.smooth.cadence) == ("u2net", 2)


@pytest.mark.parametrize(
    ("own", "milliseconds", "chosen"),
    [
        ({"segment": {"model": "u2net"}}, 210, ("u2net", "auto")),
        ({"smooth": {"cadence": 2}}, 20, ("people-nano", 2)),
        ({"segment": {"model": "u2net"}, "smooth": {"cadence": 16}}, 60, ("u2net", 16)),
    ],
)
def test_auto_reckons_with_what_the_user_set(costs, own, milliseconds, chosen):
    costs["u2net"] = Cost(0.800, 0.010)
    found = choose(config("auto", **own), rate=Fraction(30))
    assert (found.config.segment.model, found.config.smooth.cadence) == chosen
    assert f"a matte takes {milliseconds} ms" in found.why
    assert found.why.endswith(f"{chosen[0]}, cadence {chosen[1]}")


def test_without_a_word_nothing_is_chosen():
    plain = config(None)
    assert choose(plain, rate=Fraction(30)).config is plain


@pytest.mark.parametrize(
    ("rate", "model", "cadence"),
    [(10, "people", 1), (30, "people", "auto"), (45, "people-nano", "auto"), (500, "people-nano", "auto")],
)
def test_auto_takes_the_best_that_keeps_up(costs, rate, model, cadence):
    chosen = choose(config("auto"), rate=Fraction(rate))
    assert (chosen.config.segment.model, chosen.config.smooth.cadence) == (model, cadence)
    assert ("comes closest" if rate == 500 else "keeps up") in chosen.why


def test_a_measurement_is_kept_and_depends_on_what_was_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path / "home"))
    asked = config("auto", smooth={"smooth": "off"}, refine={"refine": "none"})
    cost = measured(asked, "people-nano")
    assert min(cost.segment, cost.rest) > 0
    (record,) = (weights.store().folder.parent / "speed").glob("people-nano-*.json")
    record.write_text(json.dumps({"segment": 1.0, "rest": 2.0}))
    assert measured(asked, "people-nano") == Cost(1.0, 2.0)
    record.write_text("{")
    assert measured(asked, "people-nano").segment < 1, "a record that cannot be read is made again"


@pytest.fixture
def runs(monkeypatch):
    """What a measurement runs, and its reports."""
    seen: list[tuple[Matting, RunReport]] = []

    def kept(source, matting, compositor, sink):
        seen.append((matting, run(source, matting, compositor, sink)))
        return seen[-1][1]

    monkeypatch.setattr("livebg.speed.run", kept)
    return seen


@pytest.mark.parametrize("smooth", ["off", "light"])
def test_every_frame_is_segmented_and_motion_followed_which_carrying_needs(runs, smooth):
    speed._measure(config("auto", smooth={"smooth": smooth}, refine={"refine": "none"}), "people-nano")
    for _, report in runs:
        assert report.segmented == report.frames
        assert ("smooth" in report.stages) == (smooth != "off")
    assert min(report.stages["motion"] for _, report in runs) > 0


def test_a_refiner_that_works_beside_the_stream_is_not_waited_for(runs):
    slow = {"refine": "cascadepsp", "refine_weights": "not needed.pth"}  # on a CPU minutes
    speed._measure(config("auto", refine=slow), "people-nano")
    assert all(isinstance(matting.refiner, Guided) for matting, _ in runs)


def test_a_refiner_that_each_frame_waits_for_is_measured(runs):
    speed._measure(config("auto", refine={"refine": "none"}), "people-nano")
    assert all(isinstance(matting.refiner, Bilinear) for matting, _ in runs)


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """Which models are measured, in place of measuring them; records go to a folder of the test's."""
    asked: list[str] = []
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("livebg.speed._measure", lambda config, model: asked.append(model) or Cost(0.5, 0.5))
    return asked


def test_what_the_cost_depends_on_is_measured_anew(counted, monkeypatch):
    for size in (320, 320, 160, 160):
        measured(config("auto", segment={"size": size}), "people-nano")
    assert len(counted) == 2
    monkeypatch.setattr("livebg.speed.cores", lambda: 97)  # lent other processors
    measured(config("auto", segment={"size": 320}), "people-nano")
    assert len(counted) == 3


def test_a_model_given_by_its_path_has_its_record_beside_the_others(counted, tmp_path):
    own = shutil.copy(find_model("people-nano"), tmp_path / "mine.onnx")
    for _ in range(2):
        measured(config("auto"), str(own))
    assert len(counted) == 1
    assert len(list((weights.store().folder.parent / "speed").glob("mine-*.json"))) == 1
    assert not list(tmp_path.glob("mine*.json"))


def test_without_a_cache_it_is_measured_each_time_and_each_model_once(counted, tmp_path):
    (tmp_path / "home").write_text("a file where a folder is expected")
    choose(config("auto"), rate=Fraction(500))
    assert counted == ["people", "people-nano"]
    measured(config("auto"), "people")
    assert counted == ["people", "people-nano", "people"]
