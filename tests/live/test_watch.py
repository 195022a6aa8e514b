from __future__ import annotations

import threading

import pytest

from livebg.config import Config
from livebg.errors import ConfigError
from livebg.live import watch
from livebg.live.watch import Watch, difference


class Heard:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.all: list[object] = []

    def __call__(self, what: object) -> None:
        with self.changed:
            self.all.append(what)
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.all) >= count, 20), self.all


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_SECONDS", 0.02)
    path = tmp_path / "mine.toml"
    path.write_text('[compose]\nbackground = "blur"\n[segment]\nmodel = "people-nano"\n', encoding="utf-8")
    values, said = Heard(), Heard()
    with Watch(path, values, tell=said):
        yield path, values, said


def test_only_the_keys_that_changed_are_told(watched):
    path, values, said = watched
    path.write_text('[compose]\nbackground = "color:teal"\n[segment]\nmodel = "people-nano"\n', encoding="utf-8")
    values.wait_for(1)
    assert values.all == [{"compose": {"background": "color:teal"}}]
    assert not said.all


def test_an_error_keeps_the_old_and_is_told_and_mended(watched):
    path, values, said = watched
    path.write_text('[compose]\nbackgrond = "color:teal"\n', encoding="utf-8")
    said.wait_for(1)
    assert "backgrond" in said.all[0]
    assert "did you mean background" in said.all[0]
    assert "the old configuration stays" in said.all[0]
    assert not values.all
    path.write_text('[compose]\nbackground = "blur:0.9"\n[segment]\nmodel = "people-nano"\n', encoding="utf-8")
    values.wait_for(1)
    assert values.all == [{"compose": {"background": "blur:0.9"}}]


def test_a_file_that_an_editor_replaces_is_read_and_one_that_is_gone_is_waited_for(watched):
    path, values, said = watched
    path.unlink()
    other = path.with_suffix(".new")
    other.write_text('[compose]\nbackground = "color:red"\n', encoding="utf-8")
    other.replace(path)
    values.wait_for(1)
    assert values.all == [{"compose": {"background": "color:red"}, "segment": {"model": Config().segment.model}}]
    assert not said.all


def test_a_file_that_is_wrong_from_the_start_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        Watch(tmp_path / "absent.toml", print)


def test_nothing_differs_from_itself():
    assert difference(Config(), Config()) == {}
