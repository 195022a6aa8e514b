"""Upsampling along edges: on the CPU, and the same in torch."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from livebg.evaluate.lag import LagMeter
from livebg.evaluate.video_metrics import gradient_error
from livebg.frame import Frame, Matte
from livebg.refine import Bilinear, Guided
from livebg.refine.guided_settings import GuidedSettings
from livebg.refine.guided_torch import GuidedTorch
from livebg.segment import Segmenter
from livebg.stages import Draft

SKIN, WALL = np.float32([190, 140, 120]), np.float32([60, 90, 130])


def disc(x: float = 320, *, soft: float = 3, size: tuple[int, int] = (640, 360)) -> np.ndarray:
    """A true alpha: a round head."""
    columns, rows = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    distance = np.hypot(columns - x, rows - size[1] / 2)
    return np.clip((size[1] / 4 - distance) / soft + 0.5, 0, 1).astype(np.float32)


def picture(alpha: np.ndarray, *, noise: float = 0, seed: int = 0) -> np.ndarray:
    clean = SKIN * alpha[..., None] + WALL * (1 - alpha[..., None])
    noisy = clean + np.random.default_rng(seed).normal(0, noise, clean.shape) if noise else clean
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def coarse(alpha: np.ndarray, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)


def draft(image: np.ndarray, alpha: np.ndarray) -> Draft:
    return Draft(Frame(image), Matte(alpha))


@pytest.fixture(params=["bilinear", "guided"])
def refiner(request):
    return Bilinear() if request.param == "bilinear" else Guided()


@pytest.mark.parametrize("matte", [(1, 1), (5, 3), (64, 48), (320, 320)])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 2), (33, 35), (240, 426)])
def test_a_matte_of_any_size_comes_up_or_down_to_a_frame_of_any_size(refiner, matte, size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    alpha = refiner.refine(draft(image, rng.random(matte, dtype=np.float32))).alpha
    assert alpha.dtype == np.float32
    assert alpha.shape == size
    assert 0 <= alpha.min() <= alpha.max() <= 1


def test_one_refiner_takes_frames_whose_size_changes(refiner):
    for size in ((640, 360), (64, 36), (641, 359), (640, 360)):
        true = disc(size[0] / 2, size=size)
        alpha = refiner.refine(draft(picture(true), coarse(true))).alpha
        assert alpha.shape == true.shape
        assert np.abs(alpha - true).mean() < 0.03


@pytest.mark.parametrize("level", [0, 1, 0.5])
def test_a_flat_matte_stays_as_it_is(refiner, level):
    image = picture(disc(), noise=8)
    alpha = refiner.refine(draft(image, np.full((48, 64), level, np.float32))).alpha
    assert alpha == pytest.approx(level, abs=1e-6)
    assert level == 0.5 or (alpha == level).all()


def test_sure_regions_stay_exactly_sure(refiner):
    true = disc()
    alpha = refiner.refine(draft(picture(true, noise=6), coarse(true))).alpha
    away = np.ones((121, 121), np.uint8)  # six coarse pixels
    assert (alpha[cv2.dilate(true, away) == 0] == 0).all()
    assert (alpha[cv2.erode(true, away) == 1] == 1).all()


def test_the_edge_is_the_picture_s_and_not_the_coarse_matte_s():
    true = disc()
    plain = Bilinear().refine(draft(picture(true), coarse(true))).alpha
    along = Guided().refine(draft(picture(true), coarse(true))).alpha
    assert np.abs(along - true).mean() < 0.6 * np.abs(plain - true).mean()
    assert gradient_error(along, true) < 0.5 * gradient_error(plain, true)


def test_where_the_picture_has_no_edge_the_coarse_matte_stays():
    true = disc()
    gray = np.full((*true.shape, 3), 128, np.uint8)
    plain, along = (each.refine(draft(gray, coarse(true))).alpha for each in (Bilinear(), Guided()))
    assert np.abs(along - plain).mean() < 0.015


def test_sensor_noise_does_not_make_the_edge_flicker():
    true, guided, mattes = disc(), Guided(), []
    for index in range(8):
        mattes.append(guided.refine(draft(picture(true, noise=2, seed=index), coarse(true))).alpha)
    changes = [np.abs(now - before).mean() * 255 for before, now in pairwise(mattes[2:])]
    assert np.mean(changes) < 0.02
    held_off = [Guided().refine(draft(picture(true, noise=2, seed=i), coarse(true))).alpha for i in (3, 4)]
    assert np.mean(changes) < 0.15 * np.abs(held_off[1] - held_off[0]).mean() * 255


@pytest.mark.parametrize(("speed", "soft"), [(0.5, 16), (1, 3), (1, 16), (1, 30), (4, 3), (12, 6)])
def test_a_subject_that_moves_is_followed_at_once(refiner, speed, soft):
    meter = LagMeter()
    for index in range(24):
        true = disc(160 + speed * index, soft=soft)
        image = picture(true, noise=2, seed=index)
        meter.add(refiner.refine(draft(image, coarse(true, (256, 192)))).alpha, true)
    lag = meter.lag()
    assert lag is not None
    assert abs(lag) <= 0.05


def test_reset_forgets_the_last_frame():
    first, second = (draft(picture(disc(), noise=2, seed=seed), coarse(disc())) for seed in (1, 2))
    guided = Guided()
    fresh = guided.refine(second).alpha
    guided.reset()
    guided.refine(first)
    assert (guided.refine(second).alpha != fresh).any()
    guided.reset()
    assert (guided.refine(second).alpha == fresh).all()


def test_a_frame_without_an_edge_forgets_the_subject_before():
    empty = draft(picture(np.zeros_like(disc()), noise=2), np.zeros((48, 64), np.float32))
    held, fresh = Guided(), Guided()
    held.refine(draft(picture(disc(), noise=2), coarse(disc())))
    held.refine(empty)
    for seed in range(3):  # another subject at the same edge
        other = draft(np.ascontiguousarray(picture(disc(), noise=2, seed=seed)[..., ::-1]), coarse(disc()))
        assert (held.refine(other).alpha == fresh.refine(other).alpha).all()


def test_a_matte_handed_out_is_not_written_again_and_the_draft_is_left(refiner):
    true = disc()
    image, small = picture(true), coarse(true)
    kept_image, kept_small = image.copy(), small.copy()
    first = refiner.refine(draft(image, small)).alpha
    kept = first.copy()
    refiner.refine(draft(picture(disc(300)), coarse(disc(300))))
    assert (first == kept).all()
    assert (image == kept_image).all()
    assert (small == kept_small).all()


def test_a_frame_of_8k():
    true = cv2.resize(disc(), (7680, 4320))
    small = coarse(disc())
    alpha = Guided().refine(draft(np.full((4320, 7680, 3), 90, np.uint8), small)).alpha
    assert alpha.shape == true.shape
    assert np.abs(alpha[::16, ::16] - true[::16, ::16]).mean() < 0.05


@pytest.mark.parametrize(
    "settings",
    [{"radius": 0}, {"eps": 0}, {"sharpen": 0.5}, {"grid": 8}, {"calm": 0}, {"still": 0}, {"eps": float("nan")}],
)
@pytest.mark.parametrize("kind", [Guided, GuidedTorch])
def test_settings_out_of_range_are_refused(kind, settings):
    with pytest.raises(ValueError, match=r"radius must be 1..16, eps above 0.*got"):
        kind(GuidedSettings(**settings))


@pytest.mark.parametrize("size", [(640, 360), (641, 359), (100, 50)])
@pytest.mark.parametrize("radius", [1, 2])
def test_torch_gives_the_same_alpha_frame_after_frame(size, radius):
    settings = GuidedSettings(radius=radius)
    ours, theirs = Guided(settings), GuidedTorch(settings)
    for index in range(9):
        true = disc(size[0] / 2 + index, size=size) * np.float32(index not in range(3, 6))  # nobody for a while
        image, small = picture(true, noise=2, seed=index), coarse(true)
        expected = ours.refine(draft(image, small)).alpha
        alpha = theirs.refine(torch.from_numpy(image), torch.from_numpy(small))
        assert alpha.dtype == torch.float32
        assert np.abs(alpha.numpy() - expected).mean() < 1 / 255
        assert np.quantile(np.abs(alpha.numpy() - expected), 0.99) < 4 / 255


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 2)])
def test_torch_takes_small_frames_half_precision_and_changing_sizes(size):
    guided = GuidedTorch()
    for shape in (size, (12, 12)):
        image = torch.zeros((*shape, 3), dtype=torch.uint8)
        alpha = guided.refine(image, torch.rand(320, 320).half())
        assert alpha.shape == shape
        assert 0 <= alpha.min() <= alpha.max() <= 1
    guided.reset()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_torch_on_a_gpu_stays_there():
    true = disc()
    image, small = picture(true), coarse(true)
    alpha = GuidedTorch().refine(torch.from_numpy(image).cuda(), torch.from_numpy(small).cuda())
    assert alpha.is_cuda
    assert np.abs(alpha.cpu().numpy() - Guided().refine(draft(image, small)).alpha).mean() < 1 / 255


@pytest.mark.parametrize("clip", ["franck_0", "grid_s1_0"])
def test_talking_heads_have_better_edges_than_bilinear(clip, shared_data):
    segmenter, errors = Segmenter("people", device="cpu", coarse=True), []
    for path in sorted((shared_data / "talkinghead" / clip / "images").iterdir())[::50]:
        image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        true = cv2.imread(str(path.parent.parent / "masks" / path.name), cv2.IMREAD_GRAYSCALE) / np.float32(255)
        coarse_draft = Draft(Frame(image), segmenter.segment(image))
        pair = [each.refine(coarse_draft).alpha for each in (Bilinear(), Guided())]
        errors.append([(np.abs(alpha - true).mean(), gradient_error(alpha, true)) for alpha in pair])
    (plain_mad, plain_edge), (mad, edge) = np.mean(errors, axis=0)
    assert mad < plain_mad
    assert edge < plain_edge
