"""What a change opens, and what is closed for it: nothing in use, and everything that is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from livebg import build
from livebg.compose import Compositor
from livebg.config import Config
from livebg.live import workshop
from livebg.live.session import Session
from livebg.refine import Guided
from livebg.refine.keyframe_refiner import KeyframeRefiner
from tests.live.test_session import Reply, config, shown


class Openings:
    """What was opened, in order, and what of it is closed."""

    def __init__(self) -> None:
        self.opened: list[Any] = []
        self.closed: list[Any] = []

    def take(self, stage: Any) -> Any:
        """Follow this stage."""
        close = stage.close

        def closing() -> None:
            self.closed.append(stage)
            close()

        stage.close = closing
        self.opened.append(stage)
        return stage

    @property
    def open(self) -> list[Any]:
        """Those that nobody has closed."""
        return [each for each in self.opened if each not in self.closed]


@pytest.fixture
def compositors(monkeypatch) -> Openings:
    found = Openings()
    real = workshop.open_compositor
    monkeypatch.setattr(workshop, "open_compositor", lambda *given: found.take(real(*given)))
    return found


@pytest.fixture
def refiners(monkeypatch) -> Openings:
    """In place of those that the configuration names: a slow expert, beside the stream."""
    found = Openings()

    def open_refiner(*given: object, **others: bool) -> KeyframeRefiner:
        return found.take(KeyframeRefiner(Guided(), _Expert(), live=True))

    monkeypatch.setattr(build, "open_refiner", open_refiner)
    return found


class _Expert:
    def alpha(self, image, alpha):
        return alpha


@pytest.fixture
def running(compositors, refiners, demo_clip, tmp_path) -> Iterator[Session]:
    """Over a background video."""
    beach = tmp_path / "beach.mp4"
    shutil.copy(demo_clip, beach)
    with Session(over(config(demo_clip, tmp_path), str(beach))) as session:
        shown(session)
        yield session


def over(settings: Config, background: str) -> Config:
    return settings.override({"compose": {"background": background}})


def change(session: Session, **values: dict[str, object]) -> str:
    reply = Reply()
    session.change(values, reply)
    return reply.wait()


def in_use(session: Session) -> Compositor:
    shown(session)
    return session._loop.parts.compositor


def test_a_refused_change_closes_what_it_opened_and_never_what_is_in_use(running, compositors):
    for _ in range(2):
        said = change(running, compose={"background": "color:teal"}, segment={"model": "/nope.onnx"})
        assert said.startswith("error: ")
    assert len(compositors.opened) == 3
    assert compositors.open == [in_use(running)] == compositors.opened[:1]
    assert not change(running, live={"mirror": "on"}).startswith("error")
    assert compositors.open == [in_use(running)] == compositors.opened[:1]
    assert in_use(running)._background._source is not None
    assert running.statistics.whole()["errors"] == 0


def test_a_replaced_background_is_closed_when_the_next_one_is_in_use(running, compositors):
    for colour in ("red", "teal"):
        assert not change(running, compose={"background": f"color:{colour}"}).startswith("error")
        assert compositors.open == [in_use(running)] == compositors.opened[-1:]
    assert len(compositors.opened) == 3


def test_a_background_replaced_under_its_name_is_opened_when_it_is_asked_for(running, compositors, tmp_path):
    beach = tmp_path / "beach.mp4"
    asked = {"compose": {"background": str(beach)}}
    assert change(running, **asked) == "nothing changed"
    (tmp_path / "new.mp4").write_bytes(beach.read_bytes())
    (tmp_path / "new.mp4").replace(beach)
    assert not change(running, live={"mirror": "on"}).startswith("error")
    assert len(compositors.opened) == 1  # nobody asked for it
    assert change(running, **asked) == f"compose.background = {beach}"
    assert compositors.open == [in_use(running)] == compositors.opened[1:]
    assert change(running, **asked) == "nothing changed"
    beach.write_bytes(b"")
    assert change(running, **asked).startswith("error: ")
    assert compositors.open == [in_use(running)]
    beach.unlink()
    assert change(running, **asked).startswith("error: ")
    assert change(running, compose={"background": "color:teal"}) == "compose.background = color:teal"
    assert change(running, compose={"background": "color:teal"}) == "nothing changed"


def test_only_a_change_of_refining_opens_a_refiner_and_the_one_before_it_is_closed(running, refiners):
    for values in (
        {"smooth": {"smooth": "strong"}},
        {"smooth": {"smooth": "off"}},
        {"segment": {"model": "people"}},
        {"live": {"zoom": "1.5"}},
    ):
        assert not change(running, **values).startswith("error")
        shown(running)
    assert len(refiners.opened) == 1
    assert not change(running, refine={"refine_every": "4"}).startswith("error")
    shown(running)
    assert len(refiners.opened) == 2
    assert refiners.open == [running._loop.parts.refiner] == refiners.opened[1:]
    running.close()
    assert refiners.open == []
    notes = [note for note in running.notes if note.startswith("refined ")]
    assert len(notes) == 2
    assert not [note for note in notes if "of 0 frames" in note]


def test_a_network_elsewhere_gets_its_refiner_there(running, refiners, monkeypatch):
    real = workshop.Workshop._warm

    def elsewhere(its, settings):
        segmenter = real(its, settings)
        monkeypatch.setattr(segmenter, "device", "cuda:7")
        return segmenter

    monkeypatch.setattr(workshop.Workshop, "_warm", elsewhere)
    assert not change(running, segment={"model": "people"}).startswith("error")
    shown(running)
    assert refiners.open == [running._loop.parts.refiner] == refiners.opened[1:]
