"""Labels by teachers: kept where they agree, both ways round, and never of a judged person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livebg.errors import SinkError, SourceError, UsageError
from livebg.train.folders import load_library
from livebg.train.labels import label, label_folder
from livebg.train.recipe import DataConfig
from tests.train.conftest import texture, write_pair


def bar(left: int, right: int):
    """A teacher who sees a bar, wherever the picture is bright."""

    def matte(picture):
        alpha = np.zeros(picture.shape[:2], np.float32)
        alpha[:, left:right] = 1
        return alpha * (picture.mean(axis=2) > 100)

    return matte


def bright(width: int = 100) -> np.ndarray:
    return np.full((60, width, 3), 200, np.uint8)


def test_teachers_who_agree_give_their_mean_with_a_steep_edge():
    mask = label(bright(), [bar(20, 80), bar(20, 80), bar(21, 79)])
    assert mask.dtype == np.uint8
    assert set(mask[0, [0, 19, 80, 99]]) == {0}
    assert set(mask[0, 21:79]) == {255}
    assert mask[0, 20] == round(255 * (3 * (2 / 3 - 0.5) + 0.5))


def test_who_looks_at_the_mirror_image_too_is_asked_both_ways():
    assert (
        label(bright(), [bar(10, 60), bar(10, 60)])[0].tolist()
        == [0] * 10 + [128] * 30 + [255] * 20 + [128] * 30 + [0] * 10
    )


def test_a_picture_on_which_they_disagree_is_left_out():
    assert label(bright(), [bar(20, 80), bar(40, 60)]) is None


def test_a_picture_with_next_to_nobody_is_left_out():
    assert label(bright(), [bar(49, 51)] * 2) is None
    assert label(np.zeros((60, 100, 3), np.uint8), [bar(20, 80)] * 2) is None


def test_a_folder_becomes_a_source(tmp_path, root):
    source = tmp_path / "unlabelled"
    for index in range(12):
        write_pair(source, f"{index:03}", 500 + index)
    (source / "masks" / "gone").mkdir(parents=True)
    (source / "images" / "franck_1.jpg").write_bytes((source / "images" / "000.jpg").read_bytes())

    gone = texture(503)[..., ::-1].astype(int)  # as OpenCV wrote it

    def all_but_one(picture):
        alpha = np.zeros(picture.shape[:2], np.float32)
        from_it = min(np.abs(picture - each).mean() for each in (gone, gone[:, ::-1]))
        alpha[20:, 10:38] = from_it > 12
        return alpha

    told = []
    counted = label_folder(
        source / "images", root / "more", [all_but_one] * 2, progress=lambda *seen: told.append(seen)
    )
    assert counted == (11, 13)
    assert told == [(seen, 13) for seen in range(1, 14)]
    assert not (root / "more" / "images" / "003.jpg").exists()
    assert not (root / "more" / "images" / "franck_1.jpg").exists()
    library = load_library(root, DataConfig(sources=["more"], held_back=0.1, persons={}))
    subjects = library.train.subjects["more"] + library.validation.subjects.get("more", [])
    assert len(subjects) == 11
    assert subjects[0].box == (10, 20, 38, 60)


def test_half_a_folder_is_not_a_source(tmp_path, root):
    """The last picture is damaged: what was labelled before lies under another name, and is not gone on with."""

    def sure(picture):
        return np.ones(picture.shape[:2], np.float32)

    images = root / "upper" / "images"
    last = max(images.iterdir())
    whole = last.read_bytes()
    last.write_bytes(b"no picture")
    made = tmp_path / "more"
    with pytest.raises(SourceError, match="not a picture"):
        label_folder(images, made, [sure] * 2)
    assert not made.exists()
    assert any((tmp_path / "more.partial" / "images").iterdir())
    last.write_bytes(whole)
    with pytest.raises(UsageError, match=r"more\.partial is there already"):
        label_folder(images, made, [sure] * 2)


def test_where_nobody_is_seen_both_folders_are_there_and_empty(tmp_path, root):
    made = tmp_path / "more"
    assert (
        label_folder(root / "upper" / "images", made, [lambda picture: np.zeros(picture.shape[:2], np.float32)] * 2)[0]
        == 0
    )
    assert sorted(path.name for path in made.rglob("*")) == ["images", "masks"]


def test_what_is_refused(tmp_path, root):
    images = root / "upper" / "images"
    with pytest.raises(UsageError, match=r"^\. is there already"):
        label_folder(images, Path(), [bar(0, 9)] * 2)
    with pytest.raises(UsageError, match="two or more"):
        label_folder(images, tmp_path / "more", [bar(0, 9)])
    with pytest.raises(UsageError, match="evaluation data"):
        label_folder(tmp_path / "ecssd", tmp_path / "more", [bar(0, 9)] * 2)
    with pytest.raises(UsageError, match="there already"):
        label_folder(images, root / "full", [bar(0, 9)] * 2)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot write"):
        label_folder(images, tmp_path / "file" / "more", [bar(0, 9)] * 2)
    with pytest.raises(SinkError, match="File name too long"):
        label_folder(images, tmp_path / ("x" * 250), [bar(0, 9)] * 2)
    (images / "000.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="not a picture"):
        label_folder(images, tmp_path / "more", [bar(0, 9)] * 2)
