"""Finding clips: folders, videos, DAVIS' tree."""

from __future__ import annotations

import shutil

import pytest

from livebg.errors import SourceError
from livebg.evaluate.clips import find_clips
from tests.evaluate.sets import write_clip


def test_a_folder_a_clip_with_and_without_truth(tmp_path):
    write_clip(tmp_path / "walk", frames=2)
    write_clip(tmp_path / "talk", frames=2, masks="alpha")
    write_clip(tmp_path / "wild", frames=2, masks=None)
    (tmp_path / "notes").mkdir()
    clips, _ = find_clips(str(tmp_path))
    assert [(clip.name, clip.truth and clip.truth.name, clip.is_video) for clip in clips] == [
        ("talk", "alpha", False), ("walk", "masks", False), ("wild", None, False),
    ]  # fmt: skip


def test_the_folder_may_be_one_clip(tmp_path):
    write_clip(tmp_path / "walk", frames=2)
    assert [clip.name for clip in find_clips(str(tmp_path / "walk"))[0]] == ["walk"]


def test_a_video_beside_its_matte_video(tmp_path):
    for name in ("a.mp4", "a_alpha.mov", "b.mkv", "c.webm", "c-matte.webm", "notes.txt"):
        (tmp_path / name).touch()
    clips, _ = find_clips(str(tmp_path))
    assert [(clip.name, clip.truth and clip.truth.name, clip.is_video) for clip in clips] == [
        ("a", "a_alpha.mov", True), ("b", None, True), ("c", "c-matte.webm", True),
    ]  # fmt: skip


def test_what_has_no_partner_or_the_name_of_another_is_named(tmp_path):
    write_clip(tmp_path / "walk", frames=1)
    (tmp_path / "lost" / "masks").mkdir(parents=True)
    for name in ("a.mkv", "a.mp4", "b_alpha.mp4", "walk.mp4"):
        (tmp_path / name).touch()
    clips, findings = find_clips(str(tmp_path))
    assert [clip.name for clip in clips] == ["walk", "a"]
    assert [(finding.where.removeprefix(f"{tmp_path}/"), finding.what, finding.lost) for finding in findings] == [
        ("a.mp4", "left out: a.mkv has the same stem", True),
        ("b_alpha.mp4", "a matte video (by its name) without its video b", True),
        ("lost", "a clip's mattes without its pictures", True),
        ("walk.mp4", "left out: the folder walk has the same name", True),
    ]


def test_davis_as_it_unpacks(tmp_path):
    write_clip(tmp_path / "camel", frames=2)
    for inner, outer in (("images", "JPEGImages"), ("masks", "Annotations")):
        (tmp_path / outer / "480p").mkdir(parents=True)
        shutil.move(tmp_path / "camel" / inner, tmp_path / outer / "480p" / "camel")
    (clip,), _ = find_clips(str(tmp_path))
    assert clip.name == "camel"
    frames, findings = clip.frames()
    assert [name for name, _, _ in frames] == ["00000", "00001"]
    assert findings == []


def test_frames_without_a_mask_are_named(tmp_path):
    write_clip(tmp_path / "walk", frames=3)
    (tmp_path / "walk" / "masks" / "00001.png").unlink()
    frames, findings = find_clips(str(tmp_path))[0][0].frames()
    assert [name for name, _, _ in frames] == ["00000", "00002"]
    assert [finding.what for finding in findings] == ["a picture without a mask"]


def test_a_clip_without_any_pair_is_an_error(tmp_path):
    write_clip(tmp_path / "walk", frames=1)
    (tmp_path / "walk" / "masks" / "00000.png").unlink()
    with pytest.raises(SourceError, match="no picture with a mask"):
        find_clips(str(tmp_path))[0][0].frames()


def test_a_stamp_changes_with_the_clip(tmp_path):
    write_clip(tmp_path / "walk", frames=3)
    before = find_clips(str(tmp_path))[0][0].stamp
    (tmp_path / "walk" / "masks" / "00001.png").unlink()
    assert find_clips(str(tmp_path))[0][0].stamp != before


@pytest.mark.parametrize(("folder", "message"), [("", "no clip in it"), ("nowhere", "there is no such folder")])
def test_no_clips_is_an_error(tmp_path, folder, message):
    with pytest.raises(SourceError, match=message):
        find_clips(str(tmp_path / folder))
