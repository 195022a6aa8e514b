from __future__ import annotations

import numpy as np
import pytest

from livebg.errors import DeviceError
from livebg.frame import Frame, Matte
from livebg.refine.every_picture import EveryPicture
from livebg.stages import Draft
from tests.fakes import gradient


class Echo:
    """Remembers what it was given and gives it back, as a score."""

    def __init__(self) -> None:
        self.given: list[tuple[np.ndarray, np.ndarray]] = []

    def alpha(self, image, alpha):
        self.given.append((image, alpha))
        return (alpha >= 0.5).astype(np.float32)


def draft(alpha: np.ndarray) -> Draft:
    return Draft(Frame(gradient(48, 64)), Matte(alpha))


def test_a_coarse_matte_is_enlarged_bilinearly_and_the_score_is_the_matte():
    coarse = np.zeros((6, 8), np.float32)
    coarse[:, :4] = 1
    echo = Echo()
    refiner = EveryPicture(echo)
    matte = refiner.refine(draft(coarse))
    [(image, enlarged)] = echo.given
    assert image.shape == (48, 64, 3)
    assert enlarged.shape == (48, 64)
    centres = (np.arange(64) + 0.5) / 8 - 0.5  # in pixels of the coarse matte
    np.testing.assert_allclose(enlarged[0], np.clip(4 - centres, 0, 1), atol=1e-6)
    np.testing.assert_array_equal(matte.alpha[:, :32], 1)
    np.testing.assert_array_equal(matte.alpha[:, 32:], 0)


def test_every_picture_is_refined_also_after_a_reset():
    echo = Echo()
    refiner = EveryPicture(echo)
    for _ in range(2):
        refiner.refine(draft(np.ones((48, 64), np.float32)))
        refiner.reset()
    assert len(echo.given) == 2


def test_an_error_of_the_network_arrives():
    class Full:
        def alpha(self, image, alpha):
            raise DeviceError("CascadePSP ran out of memory")

    with pytest.raises(DeviceError, match="out of memory"):
        EveryPicture(Full()).refine(draft(np.ones((6, 8), np.float32)))
