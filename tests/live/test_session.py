"""A whole run on a real clip with a real network: its figures, its changes while it goes on, and what is left of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.build import open_matting
from livebg.config import Config
from livebg.errors import ConfigError, DeviceError, LivebgError, SinkError, SourceError, UsageError
from livebg.frame import Alpha, Image
from livebg.live import watch, workshop
from livebg.live.session import Session
from livebg.pipeline import Matting
from livebg.refine import Guided
from livebg.refine.keyframe_refiner import KeyframeRefiner
from livebg.segment import Segmenter
from tests.media import read_frames, read_packet_times

TEAL = (0, 128, 128)


class Reply:
    """What came of a change."""

    def __init__(self) -> None:
        self._come = threading.Event()
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text
        self._come.set()

    def wait(self) -> str:
        assert self._come.wait(60)
        return self.text


def config(clip: Path, tmp_path: Path, **live: object) -> Config:
    """Small and patient: a busy machine must not turn all into slates."""
    return Config().override(
        {
            "live": {
                "camera": str(clip),
                "capture_size": "160x96",
                "virtual_camera": "none",
                "control": str(tmp_path / "s"),
                "stale": 30,
                **live,
            },
            "segment": {"model": "people-nano", "size": "64"},
            "compose": {"background": "color:teal"},
        }
    )


@pytest.fixture
def running(demo_clip, tmp_path) -> Iterator[Session]:
    with Session(config(demo_clip, tmp_path)) as session:
        shown(session)
        yield session


def shown(session: Session) -> None:
    """Wait for fresh frames from now on."""
    before = session.statistics.whole()["fresh"]
    wait_for(lambda: session.statistics.whole()["fresh"] > before + 2, session)


def wait_for(condition: Callable[[], bool], session: Session) -> None:
    """Wait for what threads do."""
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError(f"it did not happen: {session.status()}")


@pytest.mark.parametrize("latency", ["low", "sync"])
def test_a_run_writes_its_figures_and_leaves_nothing(demo_clip, tmp_path, latency):
    threads = set(threading.enumerate())
    stats = tmp_path / "stats.jsonl"
    seen, said = [], []
    wanted = config(demo_clip, tmp_path, latency=latency, stats=str(stats), metrics=0, duration=1.2)
    with Session(wanted, tell=said.append) as session:
        shown(session)
        final = session.run(seen.append)
    lines = [json.loads(line) for line in stats.read_text().splitlines()]
    assert lines[-1] == final
    assert final["final"] is True
    assert not any("final" in line for line in lines[:-1])
    assert len(lines) == len(seen) + 1 >= 2
    assert final["fresh"] > 0
    assert final["segmented"] > 0
    assert final["latency_ms"]["p50"] > 0
    assert final["mask_age_ms"]["p50"] >= final["latency_ms"]["p50"]
    assert (final["carried"] > 0) == (latency == "low")
    assert final["errors"] == 0, said
    assert len(said) == 1, said
    assert "/metrics" in said[0]
    assert not (tmp_path / "s").exists()
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.is_alive()]


def test_everything_changes_while_it_runs_and_no_slate_is_shown_for_it(running):
    slates = running.statistics.whole()["slate"]
    for values in (
        {"compose": {"background": "color:red"}},
        {"compose": {"background": "blur:0.9"}},
        {"segment": {"model": "people"}},
        {"smooth": {"smooth": "strong"}},
        {"smooth": {"smooth": "off"}},
        {"refine": {"refine": "none"}},
        {"live": {"mirror": "on"}},
        {"live": {"zoom": "1.5"}},
        {"live": {"caption": "away", "stale": 20}},
    ):
        reply = Reply()
        running.change(values, reply)
        assert not reply.wait().startswith("error"), reply.text
        shown(running)
    whole = running.statistics.whole()
    assert whole["errors"] == 0
    assert whole["slate"] == slates
    assert running.status()["background"] == "blur:0.9"
    assert running.status()["model"] == "people"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"segment": {"model": "peopel"}}, "did you mean people"),
        ({"compose": {"background": "/no/such/beach.jpg"}}, "beach.jpg"),
        ({"compose": {"background": "transparent"}}, "no alpha"),
        ({"compose": {"background": "-"}}, "standard input"),
        ({"compose": {"background": "/dev/stdin"}}, "standard input"),
        ({"live": {"camera": "1"}}, "start again"),
        ({"live": {"zoom": "0"}}, "--zoom 0"),
        ({"segment": {"normalise": "minmax"}}, "set it to none"),
        ({"live": {"crop": "5"}}, "640x360"),
        ({"live": {"crop": "160x96+5000+0"}}, "reaches beyond the camera's picture"),
        ({"nonsense": {}}, "nonsense"),
    ],
)
def test_what_cannot_be_changed_is_said_and_all_stays_as_it_was(running, values, message):
    before = running.status()
    reply = Reply()
    running.change(values, reply)
    assert reply.wait().startswith("error: ")
    assert message in reply.text
    shown(running)
    after = running.status()
    assert (after["model"], after["background"]) == (before["model"], before["background"])
    assert running.statistics.whole()["errors"] == 0


def test_what_waits_for_the_next_start_is_said(running):
    reply = Reply()
    running.change({"live": {"fps": "15"}, "compose": {"background": "color:red"}}, reply)
    assert "live.fps from the next start on" in reply.wait()
    assert running.status()["background"] == "color:red"
    assert running._changes.config.live.fps == 30  # as it is


def test_the_file_is_watched(demo_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_SECONDS", 0.05)
    path = tmp_path / "mine.toml"
    path.write_text('[compose]\nbackground = "color:teal"\n')
    said, changed = [], threading.Condition()

    def tell(line: str) -> None:
        with changed:
            said.append(line)
            changed.notify_all()

    with Session(config(demo_clip, tmp_path), watched=path, tell=tell) as session:
        path.write_text('[compose]\nbackground = "color:navy"\n')
        with changed:
            assert changed.wait_for(lambda: any("color:navy" in line for line in said), 60)
        path.write_text('[compose]\nbackground = "color:nvy"\n')
        with changed:
            assert changed.wait_for(lambda: any("navy" in line and "error" in line for line in said), 60)
        assert session.status()["background"] == "color:navy"


def test_pause_is_a_state(running):
    running.pause(True)
    assert running.status()["state"] == "paused"
    running.pause(False)
    shown(running)
    assert running.status()["state"] == "shown"


def test_quit_ends_the_run_and_so_does_the_end_of_time(demo_clip, tmp_path):
    with Session(config(demo_clip, tmp_path)) as session:
        session.quit()
        assert session.run()["final"]
    with Session(config(demo_clip, tmp_path, duration=0)) as session:
        assert session.run()["final"]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"live": {"camera": "/no/such/clip.mp4"}}, SourceError),
        ({"live": {"virtual_camera": "nonsense"}}, UsageError),
        ({"live": {"slate": "color:nonsense"}}, UsageError),
        ({"live": {"stats": "/no/such/folder/stats"}}, SinkError),
        ({"live": {"control": "/no/such/folder/s"}}, SinkError),
        ({"live": {"on_demand": True}}, UsageError),
        ({"live": {"record": "/no/such/folder/call.mp4"}}, SinkError),
        ({"live": {"record": "call.nonsense"}}, UsageError),
        ({"segment": {"model": "peopel"}}, UsageError),
        ({"compose": {"background": "transparent"}}, UsageError),
        ({"compose": {"background": "/no/such/beach.jpg"}}, SourceError),
        ({"smooth": {"lookahead": 3}}, UsageError),
        ({"segment": {"normalise": "minmax"}}, UsageError),
    ],
)
def test_what_is_not_there_is_an_error_before_anything_runs(demo_clip, tmp_path, values, error):
    threads = set(threading.enumerate())
    with pytest.raises(error) as caught:
        Session(config(demo_clip, tmp_path).override(values))
    assert "\n" not in str(caught.value)
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.is_alive()]


@pytest.mark.parametrize("earlier", [None, "figures of another run"])
def test_a_start_that_fails_leaves_figures_as_they_were(demo_clip, tmp_path, earlier):
    stats = tmp_path / "stats.jsonl"
    if earlier is not None:
        stats.write_text(earlier)
    values = {"segment": {"model": "peopel"}, "output": {"overwrite": True}}
    with pytest.raises(UsageError, match="peopel"):
        Session(config(demo_clip, tmp_path, stats=str(stats)).override(values))
    assert (stats.read_text() if stats.exists() else None) == earlier


@pytest.mark.parametrize(
    ("live", "said"),
    [
        ({"stats": "camera.mp4"}, "--stats .*camera.mp4 is the camera's own clip"),
        ({"record": "camera.mp4"}, "--record .*camera.mp4 is the camera's own clip"),
        ({"record_matte": "beach.jpg"}, "--record-matte .*beach.jpg is the background"),
        ({"record": "a.mp4", "record_matte": "a.mp4"}, "--record-matte .*a.mp4 is what --record writes"),
        ({"record": "a.mp4", "stats": "a.mp4"}, "--stats .*a.mp4 is what --record writes"),
        ({"stats": "mine.txt"}, "mine.txt exists"),
    ],
)
def test_nothing_is_written_over_what_is_there(demo_clip, tmp_path, live, said):
    shutil.copy(demo_clip, tmp_path / "camera.mp4")
    for name in ("beach.jpg", "mine.txt"):
        (tmp_path / name).write_text("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    allowed = said != "mine.txt exists"
    values = {
        "live": {"camera": str(tmp_path / "camera.mp4"), **{key: str(tmp_path / name) for key, name in live.items()}},
        "compose": {"background": str(tmp_path / "beach.jpg")},
        "output": {"overwrite": allowed},
    }
    with pytest.raises(UsageError, match=said):
        Session(config(demo_clip, tmp_path).override(values))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_figures_that_cannot_be_written_end_nothing(demo_clip, tmp_path):
    said = []
    with Session(config(demo_clip, tmp_path, stats="/dev/full", duration=2.2), tell=said.append) as session:
        final = session.run()
    assert final["fresh"] > 0
    assert said == ["cannot write figures to /dev/full: No space left on device; given up, the rest goes on"]


def test_a_picture_is_no_camera(tmp_path):
    cv2.imwrite(str(tmp_path / "me.jpg"), np.zeros((9, 16, 3), np.uint8))
    with pytest.raises(UsageError, match=r"me\.jpg is a picture, not a camera"):
        Session(config(tmp_path / "me.jpg", tmp_path))


def test_a_watched_file_that_is_wrong_is_an_error(demo_clip, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("nonsense")
    with pytest.raises(ConfigError):
        Session(config(demo_clip, tmp_path), watched=path)


def test_an_output_that_is_gone_for_good_ends_the_run(running, monkeypatch):
    running._pacer._error = SinkError("the output has failed for 10 s: the cable")
    with pytest.raises(LivebgError, match="the cable"):
        running.run()


def test_a_background_video_that_is_gone_at_its_end_is_told_and_the_call_goes_on(demo_clip, tmp_path):
    beach, said = tmp_path / "beach.mp4", []
    shutil.copy(demo_clip, beach)
    wanted = config(demo_clip, tmp_path).override({"compose": {"background": str(beach)}})
    with Session(wanted, tell=said.append) as session:
        shown(session)
        beach.unlink()
        wait_for(lambda: any("beach.mp4 does not exist" in line for line in said), session)
        shown(session)


def test_what_is_shown_is_recorded_with_its_matte_and_its_sound(demo_clip, tmp_path):
    call, mattes = tmp_path / "call.mp4", tmp_path / "mattes.mkv"
    with Session(config(demo_clip, tmp_path, record=str(call), record_matte=str(mattes))) as session:
        shown(session)
        for _ in range(3):
            shown(session)
        assert str(call) in session.description
        assert session.description.endswith("; refined: guided")
        fresh = session.statistics.whole()["fresh"]
    for path in (call, mattes):
        frames = read_frames(path)
        assert 3 < len(frames) <= fresh + 200
        assert frames[0].shape[:2] == (96, 160)
    teal = np.abs(read_frames(call)[-1].astype(int) - TEAL).max(axis=2) < 30
    assert teal.mean() > 0.2
    assert read_packet_times(call, "audio")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


class _Nobody:
    """An expert that refuses."""

    def alpha(self, image: Image, alpha: Alpha) -> Alpha:
        raise DeviceError("no memory left")


def test_what_a_refiner_has_to_say_is_among_the_notes(demo_clip, tmp_path, monkeypatch):
    def with_expert(settings: Config, segmenter: Segmenter, **others: bool) -> Matting:
        refiner = KeyframeRefiner(Guided(), _Nobody(), live=True)
        return replace(open_matting(settings, segmenter, **others), refiner=refiner)

    monkeypatch.setattr(workshop, "open_matting", with_expert)
    with Session(config(demo_clip, tmp_path)) as session:
        shown(session)
    assert any(note.startswith("refined ") for note in session.notes), session.notes
    assert any("no memory left" in note for note in session.notes), session.notes
