"""Jobs and how they are run: what the rest of a command asks of them is tested through the command (tests/cli)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livebg.config import Config
from livebg.cores import cores
from livebg.errors import SinkError, SourceError, UsageError, WeightsError
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


def test_clips_as_pngs_have_a_folder_each(tmp_path):
    """A dot in a name would end in a suffix."""
    for name in ("a.mp4", "a.mov", "v1.2.mkv"):
        (tmp_path / name).touch()
    config = Config().override({"output": {"output": "done", "codec": "png"}})
    assert [job.output for job in plan([str(tmp_path)], config)] == ["done/a_mov", "done/a_mp4", "done/v1_2"]
    mattes = Config().override({"output": {"output": "done", "matte_out": "mattes", "codec": "PNG"}})
    assert {job.matte for job in plan([str(tmp_path)], mattes)} == {"mattes/a_mov", "mattes/a_mp4", "mattes/v1_2"}
    (job,) = plan([str(tmp_path / "v1.2.mkv")], Config().override({"output": {"codec": "png"}}))
    assert job.output == str(tmp_path / "v1_2-livebg")


def test_pictures_beside_clips_are_told(tmp_path):
    for name in ("a.mp4", "b.mov", "a-livebg.png"):
        (tmp_path / name).touch()
    assert passed_over([str(tmp_path), "-", "talk.mp4"], Config()) == []
    (tmp_path / "holiday.JPG").touch()
    (line,) = passed_over([str(tmp_path)], Config())
    assert line.startswith(f"{tmp_path}: 1 picture is passed over")
    (tmp_path / "b.mov").unlink()
    (tmp_path / "a.mp4").unlink()
    assert passed_over([str(tmp_path)], Config()) == []  # it is a folder of pictures


def test_clips_in_folders_inside_a_folder_of_clips_are_told(tmp_path):
    for name in (
        "a.mp4",
        "day1/b.mp4",
        ".trash/c.mp4",
        "notes/d.txt",
        "old/e-livebg.mp4",
        "done/a.mp4",
        "mattes/a.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ours = {"output": str(tmp_path / "done"), "matte_out": f"{tmp_path}/mattes/"}
    config = Config().override({"output": ours})
    (line,) = passed_over([str(tmp_path)], config)
    assert line.startswith(f"{tmp_path}: clips in folders inside it are passed over")
    assert line.endswith(f"({tmp_path / 'day1'})")
    assert passed_over([str(tmp_path), f"{tmp_path}/day1/"], config) == []


def test_a_folder_whose_folders_alone_hold_clips_names_them(tmp_path):
    (tmp_path / "day1").mkdir()
    (tmp_path / "day1" / "b.mp4").touch()
    with pytest.raises(SourceError, match=r"name its folders that do: .*day1"):
        plan([str(tmp_path)], Config())
    with pytest.raises(SourceError, match=r"name a folder that does$"):  # what an earlier call made is no input
        plan([str(tmp_path)], Config().override({"output": {"output": str(tmp_path / "day1")}}))


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


def test_a_pattern_that_no_shell_has_replaced_names_clips(tmp_path):
    for name in ("b.mp4", "a.MOV", "a-livebg.mp4", "notes.txt"):
        (tmp_path / name).touch()
    jobs = plan([str(tmp_path / "*")], Config())
    assert [job.input for job in jobs] == [str(tmp_path / "a.MOV"), str(tmp_path / "b.mp4")]
    assert all(job.batch for job in jobs)
    (tmp_path / "c.png").touch()
    (job,) = plan([str(tmp_path / "*")], Config())
    assert job.input == str(tmp_path / "*")  # a sequence of pictures
    (tmp_path / "c.png").rename(tmp_path / "[ab]*.mp4")
    (job,) = plan([str(tmp_path / "[ab]*.mp4")], Config())
    assert job.input == str(tmp_path / "[ab]*.mp4")  # a file's own name


def test_a_link_to_a_clip_that_is_gone_is_no_silence(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").symlink_to("gone.mp4")
    assert [Path(job.input).name for job in plan([str(tmp_path)], Config())] == ["a.mp4", "b.mp4"]


def test_an_input_given_twice_is_told_so(tmp_path):
    clip = tmp_path / "a.mp4"
    clip.touch()
    with pytest.raises(UsageError, match=r"a\.mp4 is given twice: name it once"):
        plan([str(clip), f"{tmp_path}/./a.mp4"], Config())
    (tmp_path / "b.mp4").symlink_to("a.mp4")
    assert len(plan([str(tmp_path)], Config())) == 2


@pytest.mark.parametrize(
    ("taken", "said"), [("there", "there is no folder, which"), ("no", "there is no folder .*no; make it first")]
)
def test_a_folder_for_results_that_cannot_be_made(tmp_path, taken, said):
    (tmp_path / "there").touch()
    output = tmp_path / "there" if taken == "there" else tmp_path / "no" / "such"
    with pytest.raises(SinkError, match=said):
        check(Job("a.mp4", str(output / "a.mp4"), batch=True), Config())
