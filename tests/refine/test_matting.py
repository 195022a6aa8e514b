"""Closed-form matting: finds the edge that a coarse matte only points to, and leaves the rest."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from livebg.errors import DeviceError, UsageError
from livebg.frame import Frame, Matte
from livebg.refine import matting
from livebg.refine.matting import ClosedForm
from livebg.refine.trimap import UNKNOWN, trimap
from livebg.stages import Draft

SIZES = [(1, 1), (1, 40), (40, 1), (3, 5), (37, 53)]


def star(height: int = 150, width: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A brown star with soft edges before a green wall, a little noisy; and its alpha."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns - width / 2, rows - height / 2
    reach = height * (0.3 + 0.08 * np.cos(5 * np.arctan2(y, x)))
    alpha = np.clip((reach - np.hypot(x, y)) / 3 + 0.5, 0, 1)
    colours = alpha[..., None] * np.float32((150, 90, 60)) + (1 - alpha[..., None]) * np.float32((40, 160, 90))
    noise = np.random.default_rng(0).normal(0, 2, colours.shape)
    return np.clip(np.rint(colours + noise), 0, 255).astype(np.uint8), alpha


def coarse(alpha: np.ndarray, size: tuple[int, int] = (40, 30)) -> Matte:
    return Matte(np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32))


def error(alpha: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(alpha - truth).mean())


@pytest.fixture(scope="module")
def closed_form():
    pytest.importorskip("pymatting")
    return ClosedForm()


def test_a_coarse_matte_gets_the_pictures_edge(closed_form):
    image, truth = star()
    matte = coarse(truth)
    bilinear = cv2.resize(matte.alpha, truth.shape[::-1])
    refined = closed_form.refine(Draft(Frame(image), matte)).alpha
    assert error(refined, truth) < 0.6 * error(bilinear, truth)
    assert refined.dtype == np.float32
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_what_is_sure_stays_as_it_was(closed_form):
    image, truth = star()
    refined = closed_form.refine(Draft(Frame(image), Matte(truth))).alpha
    sure = trimap(truth, 6) != UNKNOWN
    assert sure.mean() > 0.5
    assert np.array_equal(refined[sure], truth[sure])
    assert not np.shares_memory(refined, truth)


def test_where_the_picture_says_nothing_the_matte_stays(closed_form):
    _, truth = star()
    matte = coarse(truth)
    bilinear = cv2.resize(matte.alpha, truth.shape[::-1])
    gray = np.full((*truth.shape, 3), 99, np.uint8)
    refined = closed_form.refine(Draft(Frame(gray), matte)).alpha
    assert error(refined, bilinear) < 0.02


def test_larger_frames_are_worked_at_small_and_brought_up():
    pytest.importorskip("pymatting")
    image, truth = star(450, 600)
    matte = coarse(truth)
    bilinear = cv2.resize(matte.alpha, truth.shape[::-1])
    refined = ClosedForm(size=200).refine(Draft(Frame(image), matte)).alpha
    assert refined.shape == truth.shape
    assert error(refined, truth) < 0.7 * error(bilinear, truth)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 0.5, 1])
def test_any_size_and_a_flat_matte(closed_form, size, level):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    refined = closed_form.refine(Draft(Frame(image), Matte(np.full((20, 20), level, np.float32)))).alpha
    assert refined.shape == size
    assert np.abs(refined - level).max() < 0.02


def test_a_frame_depends_on_nothing_before_it(closed_form):
    image, truth = star()
    draft = Draft(Frame(image), coarse(truth))
    first = closed_form.refine(draft).alpha
    closed_form.refine(Draft(Frame(np.ascontiguousarray(image[::-1, :150])), Matte(truth)))
    closed_form.reset()
    assert np.array_equal(closed_form.refine(draft).alpha, first)


def test_on_talking_heads_the_edge_is_nearer_to_the_truth(closed_form, shared_data):
    for clip in ("franck_0", "grid_s1_0"):
        folder = shared_data / "talkinghead" / clip
        image = cv2.imread(str(folder / "images" / "00025.png"), cv2.IMREAD_COLOR_RGB)
        truth = cv2.imread(str(folder / "masks" / "00025.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
        matte = coarse(truth, (64, 64))
        bilinear = cv2.resize(matte.alpha, truth.shape[::-1])
        refined = closed_form.refine(Draft(Frame(image), matte)).alpha
        assert error(refined, truth) < error(bilinear, truth)


def test_without_the_library_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymatting", None)
    with pytest.raises(UsageError, match="pip install") as raised:
        ClosedForm()
    assert "\n" not in str(raised.value)


def test_a_system_that_is_not_solved_is_told(closed_form, monkeypatch):
    monkeypatch.setattr(matting, "_ITERATIONS", 0)
    image, truth = star()
    with pytest.raises(DeviceError, match="--refine guided"):
        closed_form.refine(Draft(Frame(image), coarse(truth)))


@pytest.mark.parametrize("size", [8, 5000])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(ValueError, match=r"within 32\.\.1024"):
        ClosedForm(size=size)
