"""What models are judged by is not trained on: folders by name, people by name, pictures by what they show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.train.folders import load_library
from livebg.train.guard import SAME, distances, fingerprint, refuse_judging
from livebg.train.recipe import DataConfig
from tests.train.conftest import PERSONS, texture, write_pair


@pytest.mark.parametrize("name", ["ecssd", "davis", "talkinghead", "clips", "ECSSD"])
def test_a_folder_of_evaluation_data_is_refused(name, tmp_path):
    write_pair(tmp_path / name, "a", 1)
    with pytest.raises(UsageError, match=f"{name} is evaluation data"):
        load_library(tmp_path, DataConfig(sources=[name], held_back=0.1, persons={}))


def test_it_is_refused_behind_a_link(tmp_path):
    write_pair(tmp_path / "ecssd", "a", 1)
    (tmp_path / "holiday").symlink_to(tmp_path / "ecssd")
    with pytest.raises(UsageError, match="never train on it"):
        refuse_judging(tmp_path / "holiday")


def test_pictures_of_judged_people_are_left_out_and_named(root):
    write_pair(root / "keyed", "lip_bbaf2n_03", 500, keyed=True)
    library = load_library(root, DataConfig(sources=list(PERSONS), held_back=0.3, persons=PERSONS))
    assert library.left_out == ["keyed/lip_bbaf2n_03.jpg: GRID speaker s1 is in the judging clips"]
    shelves = (library.train, library.validation)
    assert not any("bbaf2n" in each.name for shelf in shelves for each in shelf.subjects.get("keyed", []))


def test_a_fingerprint_survives_encoding_and_resizing_and_tells_strangers_apart():
    image = texture(7, 240, 320)
    _, packed = cv2.imencode(".jpg", cv2.resize(image, (200, 150), interpolation=cv2.INTER_AREA))
    copy = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    strangers = np.stack([fingerprint(texture(seed, 240, 320)) for seed in range(8, 30)])
    assert distances(fingerprint(copy), fingerprint(image)[None])[0] <= SAME
    assert distances(fingerprint(image), strangers).min() > 2 * SAME


@pytest.mark.parametrize("where", ["ecssd/images", "talkinghead/grid_s1_0/images", "davis/camel/images"])
def test_an_encoded_copy_of_a_judging_picture_is_refused(where, shared_data, root):
    picture = sorted((shared_data / where).iterdir())[3]
    image = cv2.resize(cv2.imread(str(picture)), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    copy = root / "upper" / "images" / "harmless.jpg"
    assert cv2.imwrite(str(copy), image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert cv2.imwrite(str(root / "upper" / "masks" / "harmless.png"), np.full(image.shape[:2], 255, np.uint8))
    with pytest.raises(SourceError, match=r"harmless\.jpg is a copy of a picture that models are judged by"):
        load_library(root, DataConfig(sources=["upper"], held_back=0.1, persons={}))
