from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.config import ComposeConfig, LiveConfig
from livebg.errors import SourceError, UsageError
from livebg.live.slate import make_slate


def slate(background: str = "blur", width: int = 320, height: int = 180, **live: str) -> np.ndarray:
    return make_slate(LiveConfig(**live), ComposeConfig(background=background), width, height)


@pytest.fixture
def beach(tmp_path):
    path = tmp_path / "beach.png"
    cv2.imwrite(str(path), np.full((90, 160, 3), (10, 200, 250), np.uint8))
    return str(path)


def test_a_picture_in_the_background_is_the_slate_without_words(beach):
    image = slate(beach)
    assert image.shape == (180, 320, 3)
    assert (image == (250, 200, 10)).all()


@pytest.mark.parametrize("background", ["blur", "color:teal", "color:white"])
def test_what_is_plain_has_the_caption(background):
    image, silent = slate(background), slate(background, caption="")
    assert len(np.unique(silent.reshape(-1, 3), axis=0)) == 1
    differs = (image != silent).any(axis=2)
    assert 0 < differs.mean() < 0.2
    rows, columns = np.nonzero(differs)
    assert abs(rows.mean() - 90) < 10
    assert abs(columns.mean() - 160) < 10


def test_a_slate_of_its_own(beach):
    assert (slate("color:teal", slate="color:red", caption="") == (255, 0, 0)).all()
    assert (slate("blur", slate=beach) == (250, 200, 10)).all()


def test_a_background_that_cannot_be_read_gives_the_gray_one_and_a_slate_is_an_error(tmp_path):
    absent = str(tmp_path / "absent.png")
    assert len(np.unique(slate(absent, caption="").reshape(-1, 3), axis=0)) == 1
    with pytest.raises(SourceError):
        slate("blur", slate=absent)
    with pytest.raises(UsageError):
        slate("blur", slate="color:nonsense")


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (7680, 4320)])
def test_any_size(size):
    width, height = size
    assert slate("blur", width, height).shape == (height, width, 3)


def test_long_captions_in_any_script_fit():
    image = slate(
        "blur", caption="Übertragung unterbrochen – einen Augenblick, bitte, wir sind gleich wieder da für Sie"
    )
    assert (image[:, :4] == image[0, 0]).all()
    assert (image[:, -4:] == image[0, 0]).all()
