"""Folders into memory: the split by person, and what is wrong with a folder."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.train.folders import load_library
from livebg.train.recipe import DataConfig
from tests.train.conftest import PERSONS, texture, write_pair


def names(shelf, source: str) -> set[str]:
    return {subject.name for subject in shelf.subjects.get(source, [])}


def test_everybody_is_on_one_side_and_sources_of_the_same_people_agree(library):
    train, validation = library.train, library.validation
    for source in ("upper", "full"):
        assert names(train, source) | names(validation, source) == {f"{index:03}" for index in range(12)}
        assert names(validation, source)
        assert not names(train, source) & names(validation, source)
    assert names(train, "upper") == names(train, "full")
    assert len(train.rooms) + len(validation.rooms) == 12
    assert len(train.decoys) + len(validation.decoys) == 1


def test_frames_of_one_sentence_stay_together(root):
    for index in range(12):
        write_pair(root / "keyed", f"lip_{index:03}_50", 900 + index, keyed=True)
    library = load_library(root, DataConfig(sources=["keyed"], held_back=0.4, persons=PERSONS))
    sides = [{name.rpartition("_")[0] for name in names(side, "keyed")} for side in (library.train, library.validation)]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]


def test_pictures_alike_are_taken_for_one_person(tmp_path):
    for index in range(10):
        write_pair(tmp_path / "web", f"{index}", index)
        twin = tmp_path / "web" / "images" / f"{index}-again.jpg"
        assert cv2.imwrite(str(twin), cv2.convertScaleAbs(texture(index), alpha=0.9), [cv2.IMWRITE_JPEG_QUALITY, 70])
        (tmp_path / "web" / "masks" / f"{index}-again.png").write_bytes(
            (tmp_path / "web" / "masks" / f"{index}.png").read_bytes()
        )
    (tmp_path / "backgrounds").mkdir()
    library = load_library(tmp_path, DataConfig(sources=["web"], held_back=0.4, persons={}))
    held_back = names(library.validation, "web")
    assert held_back
    assert {name for name in held_back if name.endswith("-again")} == {
        f"{name}-again" for name in held_back if not name.endswith("-again")
    }


def test_one_person_under_two_names_in_two_sources_is_on_one_side(tmp_path):
    stems = [f"{index:02}" for index in range(12)]
    for index, stem in enumerate(stems):
        write_pair(tmp_path / "one", stem, index)
        write_pair(tmp_path / "other", f"again {stem}", index)
    (tmp_path / "backgrounds").mkdir()
    library = load_library(tmp_path, DataConfig(sources=["one", "other"], held_back=0.5, persons={"one": "stem"}))
    assert names(library.train, "one")
    assert names(library.validation, "one")
    for side in (library.train, library.validation):
        assert {f"again {name}" for name in names(side, "one")} == names(side, "other")


def test_a_source_of_judged_people_alone_gives_nobody(root):
    write_pair(root / "judged", "lip_bbaf2n_03", 0)
    library = load_library(root, DataConfig(sources=["judged", "upper"], held_back=0.3, persons={}))
    assert not names(library.train, "judged") | names(library.validation, "judged")
    assert library.left_out == ["judged/lip_bbaf2n_03.jpg: GRID speaker s1 is in the judging clips"]


def test_a_subject_knows_where_it_is_cut(library):
    subject = library.train.subjects["upper"][0]
    assert subject.box == (14, 15, 34, 60)
    assert subject.cut == (False, False, False, True)
    assert not subject.keyed
    assert library.train.subjects["keyed"][0].keyed


def test_what_is_wrong_is_named(root):
    def load() -> None:
        load_library(root, DataConfig(sources=["upper"], held_back=0.1, persons={}))

    (root / "upper" / "masks" / "003.png").unlink()
    with pytest.raises(SourceError, match=r"003\.jpg has no mask upper/masks/003\.png"):
        load()
    assert cv2.imwrite(str(root / "upper" / "masks" / "003.png"), np.zeros((60, 48), np.uint8))
    with pytest.raises(SourceError, match=r"003\.png is empty"):
        load()
    (root / "upper" / "masks" / "003.png").write_text("no picture")
    with pytest.raises(SourceError, match=r"cannot read .*003\.png"):
        load()
    assert cv2.imwrite(str(root / "upper" / "masks" / "003.png"), np.full((20, 48), 255, np.uint8))
    with pytest.raises(SourceError, match="of another shape"):
        load()
    with pytest.raises(UsageError, match=r"there is no folder .*nobody"):
        load_library(root, DataConfig(sources=["nobody"], held_back=0.1, persons={}))
    (root / "backgrounds").rename(root / "elsewhere")
    with pytest.raises(UsageError, match=r"there is no folder .*backgrounds: training data has rooms without people"):
        load_library(root, DataConfig(sources=["full"], held_back=0.1, persons={}))
