"""On tensors the same colours come out as from numpy."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.compose.foreground import LEAST, Foreground
from tests.compose.known import drawn, mean_error

torch = pytest.importorskip("torch")

from livebg.compose.foreground_torch import TorchForeground  # noqa: E402

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def estimate(stage: TorchForeground, image: np.ndarray, alpha: np.ndarray, device: str) -> np.ndarray:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return stage.estimate(torch.from_numpy(image).to(device), torch.from_numpy(alpha).to(device)).cpu().numpy()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [(180, 320), (241, 427), (427, 241), (720, 1280)])
def test_it_agrees_with_numpy(size, device):
    case = drawn(*size, soft=9)
    expected = Foreground().estimate(case.image, case.alpha)
    result = estimate(TorchForeground(), case.image, case.alpha, device)
    assert np.abs(result.astype(int) - expected).max() <= 2
    assert mean_error(result, case) < 0.2 * mean_error(case.image, case)


@pytest.mark.parametrize("device", DEVICES)
def test_it_agrees_on_noise_and_through_a_change_of_size(device):
    random, stage = np.random.default_rng(0), TorchForeground()
    for size in ((37, 53), (300, 500), (37, 53)):
        image = random.integers(0, 256, (*size, 3), np.uint8)
        alpha = np.clip(random.random(size, np.float32) * 3 - 1, 0, 1)
        result = estimate(stage, image, alpha, device)
        assert np.abs(result.astype(int) - Foreground().estimate(image, alpha)).max() <= 3
        outside = (alpha <= LEAST) | (alpha >= 1 - LEAST)
        assert np.array_equal(result[outside], image[outside])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (1, 700), (700, 1), (3, 5), (3, 700)])
@pytest.mark.parametrize("level", [0, 0.5, 1])
def test_any_size_and_a_flat_matte(size, level, device):
    image = np.full((*size, 3), 90, np.uint8)
    result = estimate(TorchForeground(), image, np.full(size, level, np.float32), device)
    assert (result == 90).all()


def test_half_precision_alpha_is_taken():
    case = drawn(180, 320, soft=9)
    image, alpha = torch.from_numpy(case.image), torch.from_numpy(case.alpha)
    half = TorchForeground().estimate(image, alpha.half()).numpy()
    whole = TorchForeground().estimate(image, alpha).numpy()
    assert np.abs(half.astype(int) - whole).max() <= 4
