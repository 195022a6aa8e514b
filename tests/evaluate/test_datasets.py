"""Readers of published layouts, on small folders in the same layout."""

from __future__ import annotations

import pytest

from livebg.errors import SourceError, UsageError
from livebg.evaluate.datasets import LAYOUTS, open_image_set
from tests.evaluate.sets import write_set

PUBLISHED = [(name, layout) for name, layouts in LAYOUTS.items() for layout in layouts]


@pytest.mark.parametrize(("name", "layout"), PUBLISHED, ids=[f"{name}-{layout[1]}" for name, layout in PUBLISHED])
def test_published_layouts(tmp_path, name, layout):
    stems = write_set(tmp_path, *layout)
    found = open_image_set(f"{name}={tmp_path}")
    assert found.name == name
    assert [pair.name for pair in found.pairs] == stems
    assert found.pairs[0].image == tmp_path / layout[0] / "0000.jpg"
    assert found.pairs[0].mask == tmp_path / layout[1] / "0000.png"
    assert found.findings == ()
    assert found.soft == (name == "pascal-s")


def test_any_two_folders(tmp_path):
    write_set(tmp_path, "photos", "truth")
    found = open_image_set(f"mine={tmp_path / 'photos'},{tmp_path / 'truth'}")
    assert (found.name, len(found.pairs)) == ("mine", 4)


def test_a_path_alone_is_named_by_its_last_part(tmp_path):
    write_set(tmp_path / "ECSSD")
    assert open_image_set(str(tmp_path / "ECSSD")).name == "ecssd"


def test_pictures_and_masks_in_one_folder(tmp_path):
    write_set(tmp_path, "Imgs", "Imgs")
    assert len(open_image_set(f"hku-is={tmp_path}").pairs) == 4


def test_what_has_no_partner_is_named(tmp_path):
    write_set(tmp_path)
    (tmp_path / "images" / "0001.jpg").unlink()
    (tmp_path / "masks" / "0002.png").unlink()
    found = open_image_set(f"ecssd={tmp_path}")
    assert [pair.name for pair in found.pairs] == ["0000", "0003"]
    assert [(finding.where, finding.what, finding.lost) for finding in found.findings] == [
        (str(tmp_path / "images" / "0002.jpg"), "a picture without a mask", True),
        (str(tmp_path / "masks" / "0001.png"), "a mask without a picture", True),
    ]


def test_a_sample_is_seeded_and_lies_within_a_larger_one(tmp_path):
    write_set(tmp_path, count=12)
    found = open_image_set(f"ecssd={tmp_path}")
    names = {limit: [pair.name for pair in found.sample(limit)] for limit in (3, 6, 12, 99, None)}
    assert names[3] == [pair.name for pair in found.sample(3)]
    assert names[3] == sorted(names[3])
    assert set(names[3]) < set(names[6]) < set(names[12])
    assert names[12] == names[99] == names[None]
    assert {tuple(pair.name for pair in found.sample(3, seed)) for seed in range(5)} != {tuple(names[3])}


def test_a_stamp_changes_with_the_file(tmp_path):
    write_set(tmp_path)
    pair = open_image_set(f"ecssd={tmp_path}").pairs[0]
    before = pair.stamp
    pair.mask.write_bytes(pair.mask.read_bytes() + b" ")
    assert pair.stamp != before
    pair.mask.unlink()
    assert pair.stamp == "unreadable"


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="the folder is empty; a set has the folders images and ground_truth_mask"):
        open_image_set(f"ecssd={tmp_path}")


def test_empty_folders_of_the_right_names_are_an_error(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(SourceError, match="no pair of a picture and a mask: 0 pictures"):
        open_image_set(f"ecssd={tmp_path}")


def test_a_folder_of_other_things_asks_for_both(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match="mine=FOLDER_OF_IMAGES,FOLDER_OF_MASKS"):
        open_image_set(f"mine={tmp_path}")


@pytest.mark.parametrize("spec", ["ecssd={}/nowhere", "mine={0},{0}/nowhere"])
def test_a_folder_that_is_not_there_is_named(tmp_path, spec):
    with pytest.raises(SourceError, match=r"there is no folder .*nowhere"):
        open_image_set(spec.format(tmp_path))


@pytest.mark.parametrize("spec", ["=data", "ecssd="])
def test_half_a_spec_is_refused(spec):
    with pytest.raises(UsageError, match="give NAME=PATH"):
        open_image_set(spec)
