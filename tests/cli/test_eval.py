"""``livebg eval`` as users call it, with a segmenter that needs no weights; and once with the real one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

import livebg.cli.opening
from livebg.config import SegmentConfig
from livebg.errors import UsageError
from livebg.frame import Frame, Matte
from tests.evaluate.disk import no_file_beyond
from tests.evaluate.sets import bright, write, write_clip, write_set


class _Built(NamedTuple):
    setting: SegmentConfig
    pictures: list[str | None]


@pytest.fixture
def built(monkeypatch) -> list[_Built]:
    """What was built: the settings of each segmenter and the pictures that it saw."""
    made: list[_Built] = []

    class Bright:
        runtime, device, precision, description = "fake", "cpu", "full", "a fake"

        def __init__(self, setting: SegmentConfig, *, coarse: bool, lanes: int) -> None:
            assert coarse
            assert lanes == 1
            if setting.model not in ("u2net", "u2netp", "people"):
                raise UsageError(f"there is no model {setting.model!r}")
            self.model, self.size = setting.model, setting.size or (320, 320)
            self._seen: list[str | None] = []
            made.append(_Built(setting, self._seen))

        def segment(self, frame: Frame) -> Matte:
            self._seen.append(frame.name)
            return Matte(bright(frame))

        def reset(self) -> None:
            pass

    monkeypatch.setattr(livebg.cli.opening, "open_segmenter", Bright)
    monkeypatch.setattr(livebg.cli.opening, "fetch", lambda name, quiet: None)
    return made


def rows(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "results.json").read_text())


def test_models_sizes_and_sets_multiply_into_rows(livebg_command, built, tmp_path):
    for name in ("ecssd", "mine"):
        write_set(tmp_path / name)
    report = tmp_path / "report"
    result = livebg_command(
        "eval", "images", "--dataset", f"ecssd={tmp_path / 'ecssd'}", "--dataset", f"mine={tmp_path / 'mine'}",
        "--model", "u2net,u2netp", "--size", "128", "--size", "192x96", "--report", report,
    )  # fmt: skip
    assert result.code == 0
    assert [(row["model"], row["size"], row["dataset"]) for row in rows(report)] == [
        (model, size, name) for model in ("u2net", "u2netp") for size in (128, "192x96") for name in ("ecssd", "mine")
    ]
    assert result.out.splitlines()[0].split()[:4] == ["dataset", "model", "size", "n"]
    assert len(built) == 4


def test_pictures_are_measured_as_published_unless_told(livebg_command, built, tmp_path):
    write_set(tmp_path / "set", count=2)
    dataset = ("--dataset", f"ecssd={tmp_path / 'set'}")
    config = tmp_path / "live.toml"
    config.write_text('[segment]\nalpha = "matte"\n')
    for options in ((), ("--alpha", "matte", "--normalise", "none"), ("--config", config)):
        assert livebg_command("eval", "images", *dataset, *options).code == 0
    assert [(each.setting.alpha, each.setting.normalise) for each in built] == [
        ("raw", "minmax"), ("matte", "none"), ("matte", "minmax"),
    ]  # fmt: skip


def test_clips_are_measured_as_they_are_shown(livebg_command, built, tmp_path):
    write_clip(tmp_path / "clips" / "walk", frames=10)
    report = tmp_path / "report"
    result = livebg_command("eval", "video", "--clips", tmp_path / "clips", "--report", report)
    assert result.code == 0
    assert [row["clip"] for row in rows(report)] == ["walk", "all"]
    assert abs(rows(report)[0]["lag"]) < 0.05
    assert (built[0].setting.alpha, built[0].setting.normalise) == ("matte", "none")
    assert len(built[0].pictures) == 20
    assert f"report: {report / 'report.html'}" in result.out


def test_mattes_of_another_tool_stand_beside_models_or_alone(livebg_command, built, tmp_path):
    write_clip(tmp_path / "clips" / "walk", frames=4)
    mattes = ("--mattes", f"other={tmp_path / 'mattes'}")
    for path in sorted((tmp_path / "clips" / "walk" / "masks").iterdir()):
        write(tmp_path / "mattes" / "walk" / path.name, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    call = ("eval", "video", "--clips", tmp_path / "clips", "--report", tmp_path / "report")
    alone = livebg_command(*call, *mattes)
    assert alone.code == 0
    assert built == []
    assert [line.split()[:3] for line in alone.out.splitlines()[:2]] == [["clip", "model", "n"], ["walk", "other", "4"]]
    both = livebg_command(*call, *mattes, "--model", "u2netp")
    assert both.code == 0
    assert [line.split()[:6] for line in both.out.splitlines()[:5:2]] == [
        ["clip", "model", "size", "refine", "smooth", "n"],
        ["all", "u2netp", "320", "guided", "light", "4"],
        ["all", "other", "–", "–", "–", "4"],
    ]
    assert len(built[0].pictures) == 8
    compared = livebg_command("eval", "compare", tmp_path / "report")
    assert compared.code == 0
    assert compared.out.splitlines()[:2] == ["A: clips other", "B: clips u2netp 320 refine guided smooth light"]
    assert f"other by the mattes in {tmp_path / 'mattes'}" in (tmp_path / "report" / "report.html").read_text()


def test_mattes_of_another_tool_are_measured_on_pictures_as_a_model_s_are(livebg_command, built, tmp_path):
    for stem in write_set(tmp_path / "set", count=3):
        mask = cv2.imread(str(tmp_path / "set" / "masks" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
        write(tmp_path / "mattes" / "mine" / f"{stem}.png", mask // 2)
    call = ("eval", "images", "--dataset", f"mine={tmp_path / 'set'}", "--report", tmp_path / "report")
    mattes = ("--mattes", f"other={tmp_path / 'mattes'}")
    alone = livebg_command(*call, *mattes)
    assert alone.code == 0
    assert built == []
    assert [line.split()[:2] for line in alone.out.splitlines()[:2]] == [["model", "n"], ["other", "3"]]
    assert rows(tmp_path / "report")[0]["iou"] == 1  # stretched, as the maps of models are
    as_they_are = livebg_command(*call, *mattes, "--normalise", "none", "--model", "u2netp", "--limit", "2")
    assert as_they_are.code == 0
    found = {(row["model"], row["n"]): row["iou"] for row in rows(tmp_path / "report")}
    assert found.keys() == {("other", 3), ("other", 2), ("u2netp", 2)}
    assert found["other", 2] == 0
    assert len(built[0].pictures) == 2
    assert f"other by the mattes in {tmp_path / 'mattes'}" in (tmp_path / "report" / "report.html").read_text()


def test_a_set_without_mattes_is_named_and_the_others_are_measured(livebg_command, tmp_path):
    for name in ("one", "two"):
        write_set(tmp_path / name, count=2)
    shutil.copytree(tmp_path / "two" / "masks", tmp_path / "mattes" / "two")
    sets = [part for name in ("one", "two") for part in ("--dataset", f"{name}={tmp_path / name}")]
    result = livebg_command("eval", "images", *sets, "--mattes", f"other={tmp_path / 'mattes'}", "-q")
    assert result.code == 1
    assert f"there is no folder {tmp_path / 'mattes' / 'one'}" in result.err
    assert result.out.splitlines()[1].split()[:2] == ["other", "2"]


def test_a_second_call_continues_and_fresh_starts_over(livebg_command, built, tmp_path):
    write_set(tmp_path / "set")
    call = ("eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}", "--report", tmp_path / "report")
    first = livebg_command(*call)
    again = livebg_command(*call)
    other = livebg_command(*call, "--size", "128")
    fresh = livebg_command(*call, "--fresh")
    assert [len(each.pictures) for each in built] == [4, 0, 4, 4]
    assert first.out == again.out
    assert other.code == 0
    assert fresh.code == 0
    assert len(rows(tmp_path / "report")) == 1


def test_a_sample_is_the_same_every_time(livebg_command, built, tmp_path):
    write_set(tmp_path / "set", count=9)
    call = ("eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}", "--limit", "3")
    for options in ((), (), ("--seed", "1")):
        assert livebg_command(*call, *options).code == 0
    assert built[0].pictures == built[1].pictures != built[2].pictures
    assert len(built[0].pictures) == 3


def test_a_whole_set_is_no_sample_whatever_the_seed(livebg_command, built, tmp_path):
    write_set(tmp_path / "set")
    for seed in (0, 1):
        livebg_command(
            "eval", "images", "--dataset", f"set={tmp_path / 'set'}", "--seed", seed, "--report", tmp_path / "report"
        )
    assert len(rows(tmp_path / "report")) == 1
    assert built[1].pictures == []


def test_one_unreadable_picture_is_named_the_others_go_on_and_the_code_is_1(livebg_command, built, tmp_path, capfd):
    write_set(tmp_path / "set")
    (tmp_path / "set" / "images" / "0001.jpg").write_bytes(b"broken")
    write(tmp_path / "set" / "masks" / "0002.png", np.full((44, 60, 3), (0, 0, 255), np.uint8))
    (tmp_path / "set" / "masks" / "0003.png").unlink()
    result = livebg_command("eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}")
    assert result.code == 1
    assert built[0].pictures == ["0000"]
    assert result.out.splitlines()[1].split()[:3] == ["people", "320", "1"]
    for said in (
        "0001.jpg: it is damaged",
        "0002.png: not a mask: it is in colour",
        "0003.jpg: a picture without a mask",
    ):
        assert said in result.err
    assert result.err.splitlines()[-1] == "livebg: 3 could not be measured, see above; all else was"


def test_a_set_of_broken_files_is_named_and_the_others_are_measured(livebg_command, built, tmp_path):
    write_set(tmp_path / "good")
    for folder, name in (("images", "a.jpg"), ("masks", "a.png")):
        (tmp_path / "broken" / folder).mkdir(parents=True)
        (tmp_path / "broken" / folder / name).write_bytes(b"broken")
    report = tmp_path / "report"
    sets = ["--dataset", f"broken={tmp_path / 'broken'}", "--dataset", f"good={tmp_path / 'good'}"]
    result = livebg_command("eval", "images", *sets, "--report", report)
    assert result.code == 1
    assert [(row["dataset"], row["n"]) for row in rows(report)] == [("good", 4)]
    assert "broken: none of 1 pairs could be measured" in result.err
    result = livebg_command("eval", "images", *sets[:2], "--report", tmp_path / "nothing")
    assert result.code == 1
    assert result.err.splitlines()[-1].startswith("livebg: broken: none of 1 pairs could be measured")


def test_a_wrong_size_is_told_before_anything_is_measured(livebg_command, built, tmp_path):
    write_set(tmp_path / "set")
    result = livebg_command("eval", "images", "--dataset", f"set={tmp_path / 'set'}", "--size", "32,x")
    assert result.code == 2
    assert built == []


def test_masks_of_0_and_1_are_recognised_and_said_once(livebg_command, built, tmp_path):
    for stem in write_set(tmp_path / "set"):
        path = tmp_path / "set" / "masks" / f"{stem}.png"
        write(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED) // 255)
    result = livebg_command("eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}")
    assert result.code == 0
    said = [line for line in result.err.splitlines() if "0 and 1" in line]
    assert len(said) == 1
    assert "0000.png and 3 more: a mask of 0 and 1 instead of 0 and 255, taken as such" in said[0]


def test_a_full_disk_is_one_line(livebg_command, built, tmp_path):
    write_set(tmp_path / "set")
    with no_file_beyond(2000):
        result = livebg_command(
            "eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}", "--report", tmp_path / "report", "--quiet"
        )
    assert result.code == 1
    assert result.err.startswith("livebg: cannot write the report")
    assert len(result.err.splitlines()) == 1


def test_bad_requests_say_what_is_wrong(livebg_command, built, tmp_path):
    (tmp_path / "empty").mkdir()
    write_set(tmp_path / "set", count=1)
    dataset = f"ecssd={tmp_path / 'set'}"
    for arguments, code, said in (
        (("images", "--dataset", f"ecssd={tmp_path / 'empty'}"), 1, "the folder is empty"),
        (("images", "--dataset", "ecssd=/nowhere/at/all"), 1, "there is no folder"),
        (("images", "--dataset", dataset, "--model", "u2nte"), 2, "there is no model 'u2nte'"),
        (("images", "--dataset", dataset, "--size", "big"), 2, "--size big"),
        (("images", "--dataset", dataset, "--limit", "0"), 2, "--limit"),
        (("images",), 2, "--dataset"),
        (("video", "--clips", tmp_path / "empty"), 1, "no clip in it"),
        (("video", "--clips", tmp_path / "set", "--mattes", "other"), 2, "--mattes other: give NAME=DIR"),
        (("video", "--clips", tmp_path / "set", "--mattes", "other=/nowhere"), 1, "there is no folder /nowhere"),
        (("compare", tmp_path / "empty"), 1, "no results in it"),
    ):
        result = livebg_command("eval", *arguments)
        assert result.code == code, arguments
        assert said in result.err
        assert "Traceback" not in result.err


def test_compare_says_what_is_within_noise(livebg_command, built, tmp_path):
    write_set(tmp_path / "set", count=8)
    call = ("eval", "images", "--dataset", f"ecssd={tmp_path / 'set'}", "--report")
    livebg_command(*call, tmp_path / "a")
    livebg_command(*call, tmp_path / "b", "--model", "u2net")
    result = livebg_command("eval", "compare", tmp_path / "a", tmp_path / "b")
    assert result.code == 0
    assert result.out.splitlines()[:2] == ["A: ecssd people 320", "B: ecssd u2net 320"]
    assert "8 items in both" in result.out
    assert result.out.count("within noise") == 11


@pytest.mark.slow
def test_real_pictures_and_the_real_model(livebg_command, shared_data, tmp_path):
    result = livebg_command(
        "eval",
        "images",
        "--dataset",
        f"ecssd={shared_data / 'ecssd'}",
        "--limit",
        "20",
        "--report",
        tmp_path,
        "--model",
        "u2netp",
    )
    assert result.code == 0
    (row,) = rows(tmp_path)
    assert row["n"] == 20
    assert row["max_f"] > 0.93
    assert row["mae"] < 0.05
    assert row["share_outside_model"] < 0.2
