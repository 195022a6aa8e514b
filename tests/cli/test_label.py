"""``livebg label``: a folder of pictures becomes a source for ``livebg train``."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from livebg.segment.segmenter import packaged_models


@pytest.fixture
def pictures(demo_clip, tmp_path):
    """Two moments of a person, and a wall."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    capture = cv2.VideoCapture(str(demo_clip))
    for name in ("first", "second"):
        assert cv2.imwrite(
            str(folder / f"{name}.jpg"), capture.read()[1][:, ::-1]
        )  # as it is, it is refused: it judges
    assert cv2.imwrite(str(folder / "wall.png"), np.full((90, 120, 3), 140, np.uint8))
    return folder


def test_pictures_get_masks_where_networks_agree(livebg_command, pictures, tmp_path):
    out = tmp_path / "more"
    result = livebg_command("label", pictures, out, "people-nano", "people-nano@160x128")
    assert (result.code, result.out) == (0, f"2 of 3 labelled: {out}\n")
    models, sizes = zip(*(line.split()[1:3] for line in result.err.splitlines() if "model: " in line), strict=True)
    assert (models, sizes) == (("people-nano",) * 2, ("192x144/144x192", "160x128/128x160"))
    assert sorted(path.name for path in (out / "images").iterdir()) == ["first.jpg", "second.jpg"]
    for name in ("first", "second"):
        mask = cv2.imread(str(out / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert (mask.dtype, mask.shape) == (np.uint8, (225, 400))  # as large as training sees it
        assert 0.05 < (mask > 127).mean() < 0.9
    shutil.rmtree(out)
    assert livebg_command("label", "-q", pictures, out, "people-nano", "people-nano@160x128") == (0, "", "")


def test_a_path_may_hold_an_at(livebg_command, pictures, tmp_path):
    mine = tmp_path / "runs@home" / "mine.onnx"
    mine.parent.mkdir()
    shutil.copy(packaged_models()["people-nano"], mine)
    result = livebg_command("label", pictures, tmp_path / "more", f"{mine}@96x64", "people-nano@96")
    assert result.code == 0
    assert [line.split()[2] for line in result.err.splitlines() if "model: " in line] == ["96x64/64x96", "96x96"]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["people-nano@large"], "people-nano@large: after @, give one number for a square (320) or WxH (256x144)"),
        (["people-nano@²"], "people-nano@²: after @, give one number for a square (320) or WxH (256x144)"),
        (["people-nano@9x9"], "people-nano@9x9: after @, each side must lie within 34..4096 pixels"),
        (["people-nano"], "labels come from networks that agree: give two or more, as in people people@448x336"),
        (["peopel", "people-nano"], "people"),
        ([], "Missing argument 'MODEL[@SIZE]...': see livebg label --help"),
    ],
)
def test_what_is_refused_leaves_nothing(livebg_command, pictures, tmp_path, models, said):
    result = livebg_command("label", "-q", pictures, tmp_path / "more", *models)
    assert (result.code, result.out) == (2, "")
    [line] = result.err.splitlines()
    assert said in line
    assert not (tmp_path / "more").exists()


def test_a_folder_that_is_not_there(livebg_command, tmp_path):
    result = livebg_command("label", tmp_path / "absent", tmp_path / "more", "people-nano", "people-nano@96")
    assert result.code == 2
    assert "absent' does not exist: see livebg label --help" in result.err
