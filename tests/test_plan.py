"""Jobs and how they are run: what the rest of a command asks of them is tested through the command (tests/cli)."""

from __future__ import annotations

import os

import pytest

from livebg.config import Config
from livebg.cores import cores
from livebg.errors import WeightsError
from livebg.plan import Job, check, check_shared, lanes_for, passed_over, plan

CLIP, PICTURE = Job("talk.mp4", "out.mp4"), Job("me.jpg", "me.png")


@pytest.mark.parametrize(
    ("jobs", "given", "as_cores"),
    [
        ([CLIP], {}, True),
        ([PICTURE], {}, False),
        ([PICTURE, CLIP], {}, True),
        ([CLIP], {"smooth": {"cadence": 4}}, False),
        ([CLIP], {"smooth": {"cadence": "auto"}}, False),
        ([CLIP], {"segment": {"threads": 1}}, False),
        ([CLIP], {"smooth": {"cadence": 4}, "input": {"stills": True}}, True),
    ],
)
def test_frames_go_at_once_where_each_is_segmented_and_nobody_counts_threads(jobs, given, as_cores):
    lanes = lanes_for(jobs, Config().override(given))
    assert lanes > 1 if as_cores and cores() > 1 else lanes == 1


@pytest.mark.parametrize(
    ("there", "lanes"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 3), (7, 3), (8, 4), (12, 4), (16, 4)]
)
def test_few_cores_are_left_over(monkeypatch, there, lanes):
    monkeypatch.setattr("livebg.plan.cores", lambda: there)
    assert lanes_for([CLIP], Config()) == lanes


def test_pictures_beside_clips_are_told(tmp_path):
    for name in ("a.mp4", "b.mov", "a-livebg.png"):
        (tmp_path / name).touch()
    assert passed_over([str(tmp_path), "-", "talk.mp4"]) == []
    (tmp_path / "holiday.JPG").touch()
    (line,) = passed_over([str(tmp_path)])
    assert line.startswith(f"{tmp_path}: 1 picture is passed over")
    (tmp_path / "b.mov").unlink()
    (tmp_path / "a.mp4").unlink()
    assert passed_over([str(tmp_path)]) == []  # it is a folder of pictures


def test_a_refiner_without_weights_fails_once_and_first(monkeypatch, tmp_path):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="livebg models pull cascadepsp"):
        check_shared(Config().override({"refine": {"refine": "cascadepsp"}}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_opened_before_its_turn(tmp_path):
    """A second reader would find the beginning gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check(Job(str(pipe), str(tmp_path / "out.mp4")), Config())  # it would wait for ever for somebody who writes


def test_a_picture_without_a_name_for_its_result_gives_a_picture(tmp_path):
    (job,) = plan([str(tmp_path / "me.heic")], Config())
    assert job.output.endswith("me-livebg.png")
