from __future__ import annotations

import json
from fractions import Fraction

import pytest

from livebg import weights
from livebg.config import Config
from livebg.speed import Cost, choose, measured


def config(speed: str | None, **sections: dict[str, object]) -> Config:
    return Config().override({"segment": {"speed": speed, **sections.pop("segment", {})}, **sections})


@pytest.fixture
def costs(monkeypatch):
    """What each network is said to cost."""
    known = {"people": Cost(0.040, 0.010), "people-nano": Cost(0.020, 0.010)}
    monkeypatch.setattr("livebg.speed.measured", lambda config, model: known[model])
    return known


@pytest.mark.parametrize(
    ("speed", "model", "cadence"),
    [
        ("best", "people", 1),
        ("balanced", "people", "auto"),
        ("fastest", "people-nano", "auto"),
        ("auto", "people", "auto"),
    ],
)
def test_a_word_chooses_model_and_cadence(speed, model, cadence):
    chosen = choose(config(speed))
    assert (chosen.config.segment.model, chosen.config.smooth.cadence) == (model, cadence)
    assert f"--speed {speed}" in chosen.why
    assert model in chosen.why


def test_what_the_user_set_stays():
    chosen = choose(config("fastest", segment={"model": "u2net"}, smooth={"cadence": 2})).config
    assert (chosen.segment.model, chosen.smooth.cadence) == ("u2net", 2)


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
