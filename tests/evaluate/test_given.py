"""Mattes that another tool made, scored as a model's are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.evaluate.clips import find_clips
from livebg.evaluate.compare import compare
from livebg.evaluate.datasets import open_image_set
from livebg.evaluate.given import Given, open_mattes
from livebg.evaluate.images import evaluate_images
from livebg.evaluate.store import Row, Store
from livebg.evaluate.table import VIDEO_MEASURES, clip_results
from livebg.evaluate.video import evaluate_clips
from tests.evaluate.sets import write, write_clip, write_set
from tests.evaluate.test_video import KEY, open_video, walk, write_video
from tests.evaluate.test_video import run as run_model

GIVEN = replace(
    KEY, model="other", weights="/mattes", size="", alpha="", normalise="", runtime="", refine="", smooth=""
)


def run(clips: Path, mattes: Path, row: Row | None = None) -> Row:
    row = Row(GIVEN) if row is None else row
    found, findings = find_clips(str(clips))
    evaluate_clips(found, Given("other", mattes), row, open_video=open_video, found=findings)
    return row


def said(row: Row) -> list[str]:
    return [str(finding) for finding in row.findings if finding.lost]


@pytest.fixture
def clips(tmp_path) -> Path:
    write_clip(tmp_path / "clips" / "walk")
    return tmp_path / "clips"


@pytest.fixture
def mattes(clips, tmp_path) -> Path:
    """What our own model made of the clip, as a report keeps it."""
    run_model(clips, mattes=tmp_path / "mattes", alpha=lambda frame: np.float32(0.7) * (frame.image[..., 0] > 100))
    return tmp_path / "mattes"


def test_mattes_of_a_model_score_as_that_model_did(clips, tmp_path):
    off_by_two = lambda frame: np.roll(frame.image[..., 0] > 100, 2, 1).astype(np.float32) * np.float32(0.8)  # noqa: E731
    model = run_model(clips, mattes=tmp_path / "mattes", alpha=off_by_two)
    given = run(clips, tmp_path / "mattes")
    assert given.findings == []
    assert given.items["walk"]["frames"] == 12
    expected = {**model.items["walk"]["series"]}
    del expected["flicker"]
    assert given.items["walk"]["series"] == expected
    assert compare(model, given).items == 1
    assert {each.difference for each in compare(model, given).differences} == {0}


def test_what_does_not_apply_is_not_told(clips, mattes):
    one, together = clip_results(run(clips, mattes))
    for name in ("size", "refine", "smooth", "alpha", "runtime", "flicker"):
        assert one[name] is None
    assert together["seconds_per_picture"] is together["share_outside_model"] is None
    assert {name for name in VIDEO_MEASURES if one[name] is None} == {"flicker", "warp"}
    assert run(clips, mattes).key.label == "clips other"


def test_a_clip_without_truth_is_measured_along_flow(tmp_path):
    write_clip(tmp_path / "clips" / "wild", masks=None, frames=4)
    run_model(tmp_path / "clips", mattes=tmp_path / "mattes")
    assert list(run(tmp_path / "clips", tmp_path / "mattes").items["wild"]["means"]) == ["warp"]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda path: path.unlink(), "there is no such matte"),
        (lambda path: path.write_bytes(b"broken"), "it is damaged or not a picture"),
        (lambda path: write(path, np.zeros((40, 60), np.uint8)), "the matte is 60x40, its picture 60x44"),
        (lambda path: write(path, np.full((44, 60, 3), (0, 0, 255), np.uint8)), "not a mask: it is in colour"),
        (lambda path: write(path, np.zeros((44, 60), np.uint16)), "not a mask: uint16 values"),
    ],
)
def test_a_clip_with_a_matte_that_cannot_be_used_is_named_and_the_others_are_measured(
    clips, mattes, spoil, found, tmp_path
):
    write_clip(clips / "whole")
    shutil.copytree(mattes / "walk", mattes / "whole")
    path = mattes / "walk" / "00003.png"
    spoil(path)
    row = run(clips, mattes)
    assert list(row.items) == ["whole"]  # over a gap, what is measured in time would not hold
    assert len(said(row)) == 1
    assert said(row)[0].startswith(f"walk: {path}: {found}")
    assert said(row)[0].endswith(": the clip is not measured")


def test_a_faint_matte_is_taken_as_it_is(clips, mattes):
    for path in (mattes / "walk").iterdir():
        write(path, np.ones((44, 60), np.uint8))
    row = run(clips, mattes)
    assert row.findings == []
    assert row.items["walk"]["means"]["iou"] == 0


def test_a_matte_of_no_frame_is_named(clips, mattes):
    extra = write(mattes / "walk" / "00099.png", np.zeros((44, 60), np.uint8))
    row = run(clips, mattes)
    assert said(row) == [f"{extra}: a matte without a frame to measure it on"]
    assert row.items["walk"]["frames"] == 12


def test_a_clip_without_mattes_is_named_and_the_others_are_measured(clips, mattes):
    write_clip(clips / "alone", frames=2)
    row = run(clips, mattes)
    assert list(row.items) == ["walk"]
    assert said(row) == [f"alone: no mattes of other: neither a folder {mattes / 'alone'} nor a video"]


def test_nothing_to_measure_is_an_error(clips, mattes):
    for path in (mattes / "walk").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(
        SourceError, match=r"none of 1 clips could be measured; the last: walk: .*damaged or not a picture"
    ):
        run(clips, mattes)


def test_mattes_that_changed_are_measured_again(tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / name, frames=3)
    run_model(tmp_path / "clips", mattes=tmp_path / "mattes")
    store = Store(tmp_path / "report")
    with store.open(GIVEN) as row:
        run(tmp_path / "clips", tmp_path / "mattes", row)
        first = {name: dict(item) for name, item in row.items.items()}
    write(tmp_path / "mattes" / "b" / "00001.png", np.zeros((44, 60), np.uint8))
    with store.open(GIVEN) as row:
        run(tmp_path / "clips", tmp_path / "mattes", row)
        assert row.items["a"] == first["a"]
        assert first["b"]["means"]["iou"] == 1
        assert row.items["b"]["means"]["iou"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("pictures", ["folder", "video"])
def test_a_matte_video_scores_as_its_frames_do(tmp_path, pictures):
    images, masks = walk()
    if pictures == "folder":
        write_clip(tmp_path / "clips" / "walk")
    else:
        (tmp_path / "clips").mkdir()
        write_video(tmp_path / "clips" / "walk.mkv", images)
        write_video(tmp_path / "clips" / "walk_alpha.mkv", masks)
    (tmp_path / "mattes").mkdir()
    write_video(tmp_path / "mattes" / "walk.mkv", masks)
    row = run(tmp_path / "clips", tmp_path / "mattes")
    assert said(row) == []
    assert row.items["walk"]["frames"] == 12
    assert row.items["walk"]["means"]["mad"] == pytest.approx(0)
    assert row.items["walk"]["means"]["lag"] == 0


def test_the_pictures_of_a_video_s_mattes_are_numbered(tmp_path):
    images, masks = walk(4)
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "walk.mkv", images)
    write_video(tmp_path / "clips" / "walk_alpha.mkv", masks)
    for index, mask in enumerate(masks):
        write(tmp_path / "mattes" / "walk" / f"{index:05}.png", mask)
    row = run(tmp_path / "clips", tmp_path / "mattes")
    assert said(row) == []
    assert row.items["walk"]["means"]["iou"] == 1


def test_a_matte_video_that_goes_on_after_the_clip_is_named(clips, tmp_path):
    (tmp_path / "mattes").mkdir()
    write_video(tmp_path / "mattes" / "walk.mkv", walk(14)[1])
    row = run(clips, tmp_path / "mattes")
    assert said(row) == [f"{tmp_path / 'mattes' / 'walk.mkv'}: 2 mattes after the last frame"]
    assert row.items["walk"]["frames"] == 12


def test_a_clip_whose_matte_video_ends_early_is_named_and_the_others_are_measured(clips, tmp_path):
    write_clip(clips / "whole")
    (tmp_path / "mattes").mkdir()
    write_video(tmp_path / "mattes" / "walk.mkv", walk()[1][:9])
    write_video(tmp_path / "mattes" / "whole.mkv", walk()[1])
    row = run(clips, tmp_path / "mattes")
    assert list(row.items) == ["whole"]
    short = tmp_path / "mattes" / "walk.mkv"
    assert said(row) == [f"walk: {short}: it ends before frame 00009: the clip is not measured"]


def test_a_frame_that_cannot_be_read_takes_its_matte_along(clips, tmp_path):
    (tmp_path / "mattes").mkdir()
    write_video(tmp_path / "mattes" / "walk.mkv", walk()[1])
    (clips / "walk" / "images" / "00004.png").write_bytes(b"broken")
    row = run(clips, tmp_path / "mattes")
    assert len(said(row)) == 1
    assert row.items["walk"]["frames"] == 11
    assert row.items["walk"]["means"]["mad"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("matte", "found"),
    [
        (lambda mask: mask[:-4], "is 60x40, its picture 60x44"),
        (lambda mask: cv2.merge([mask, mask, mask * 0]), "is in colour; a matte is gray"),
    ],
)
def test_a_matte_video_that_is_none_is_named(clips, tmp_path, matte, found):
    write_clip(clips / "other", frames=2)
    (tmp_path / "mattes").mkdir()
    write_video(tmp_path / "mattes" / "walk.mkv", [matte(mask) for mask in walk()[1]])
    write_video(tmp_path / "mattes" / "other.mkv", walk()[1][:2])
    row = run(clips, tmp_path / "mattes")
    assert list(row.items) == ["other"]
    (finding,) = said(row)
    assert finding.startswith(f"walk: {tmp_path / 'mattes' / 'walk.mkv'} {found}")


def test_the_form_of_the_option(tmp_path):
    assert open_mattes(f"rvm={tmp_path}") == Given("rvm", tmp_path)
    for wrong in ("rvm", "=there", "rvm="):
        with pytest.raises(UsageError, match="give NAME=DIR"):
            open_mattes(wrong)
    with pytest.raises(SourceError, match="there is no folder"):
        open_mattes(f"rvm={tmp_path / 'nowhere'}")


STILLS = replace(GIVEN, kind="images", normalise="none")


def run_stills(folder: Path, row: Row | None = None) -> Row:
    row = Row(STILLS) if row is None else row
    dataset = open_image_set(f"set={folder / 'set'}")
    evaluate_images(dataset, dataset.pairs, Given("other", folder / "mattes").of_set("set"), row)
    return row


@pytest.fixture
def stills(tmp_path) -> Path:
    """A set of four pictures, and mattes of them."""
    for stem in write_set(tmp_path / "set"):
        write(tmp_path / "mattes" / "set" / f"{stem}.png", np.full((44, 60), 10 * int(stem), np.uint8))
    return tmp_path


def test_of_pictures_only_those_without_a_matte_are_not_measured(stills):
    """And those whose matte cannot be used; a matte without a picture is named."""
    mattes = stills / "mattes" / "set"
    (mattes / "0001.png").unlink()
    write(mattes / "0002.png", np.zeros((44, 61), np.uint8))
    write(mattes / "0009.png", np.zeros((44, 60), np.uint8))
    row = run_stills(stills)
    assert sorted(row.items) == ["0000", "0003"]
    assert (row.frames, row.seconds) == (2, 0)
    assert said(row) == [
        f"{mattes / '0001.png'}: there is no such matte",
        f"{mattes / '0002.png'}: the matte is 61x44, its picture 60x44",
        f"{mattes / '0009.png'}: a matte without a picture to measure it on",
    ]


def test_a_picture_whose_matte_has_changed_is_measured_anew(stills):
    row = run_stills(stills)
    assert row.frames == 4
    assert run_stills(stills, row).frames == 4
    before = {name: item["mae"] for name, item in row.items.items()}
    write(stills / "mattes" / "set" / "0002.png", np.full((44, 60), 255, np.uint8))
    assert run_stills(stills, row).frames == 5
    assert {name for name, item in row.items.items() if item["mae"] != before[name]} == {"0002"}


def test_a_folder_of_mattes_may_be_in_capitals_as_its_set(stills):
    """The names of sets are lowered: ECSSD=data and the folder ECSSD are one set."""
    (stills / "mattes" / "set").rename(stills / "mattes" / "SET")
    assert len(run_stills(stills).items) == 4


def test_pictures_none_of_which_has_a_matte_are_an_error(stills):
    shutil.rmtree(stills / "mattes" / "set")
    with pytest.raises(SourceError, match=r"set: no mattes of other: there is no folder .*mattes/set"):
        run_stills(stills)
    (stills / "mattes" / "set").mkdir()
    with pytest.raises(SourceError, match=r"none of 4 pairs could be measured; the last: .*0003.png: there is no such"):
        run_stills(stills)
