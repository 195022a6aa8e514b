"""The gate takes what fits the picture better, piece by piece, and nothing that a network without a clue gives."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from livebg.refine.cascade_band import replace_band
from livebg.refine.gate import judge
from tests.refine.scenes import HEIGHT, WIDTH, coarse, image, truth

BAND = 6.0


def before() -> np.ndarray:
    return cv2.resize(coarse(0), (WIDTH, HEIGHT))


def noise(scale: float, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    if scale:
        values = cv2.GaussianBlur(values, (0, 0), scale)
    return 1 / (1 + np.exp(-3 * values / values.std()))


def clueless() -> dict[str, np.ndarray]:
    gray = cv2.cvtColor(image(0), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return {
        "white noise": noise(0),
        "fine noise": noise(1.5),
        "coarse noise": noise(4),
        "hard blobs": (noise(3) > 0.5).astype(np.float32),
        "half everywhere": np.full((HEIGHT, WIDTH), 0.5, np.float32),
        "the picture": gray,
        "its negative": 1 - gray,
        "nothing": np.zeros((HEIGHT, WIDTH), np.float32),
        "everything": np.ones((HEIGHT, WIDTH), np.float32),
        "softer": cv2.GaussianBlur(before(), (0, 0), 4),
        "too small": cv2.erode(truth(0), np.ones((13, 13), np.uint8)),
    }


def test_the_truth_is_taken():
    verdict = judge(image(0), before(), replace_band(before(), truth(0), BAND))
    assert verdict.accepted > 0
    gain = np.abs(before() - truth(0)).mean() - np.abs(verdict.alpha - truth(0)).mean()
    possible = np.abs(before() - truth(0)).mean() - np.abs(replace_band(before(), truth(0), BAND) - truth(0)).mean()
    assert gain > 0.5 * possible
    assert verdict.alpha.dtype == np.float32
    assert verdict.alpha.min() >= 0
    assert verdict.alpha.max() <= 1


@pytest.mark.parametrize("name", clueless())
@pytest.mark.parametrize("everywhere", [False, True], ids=["in the band", "everywhere"])
def test_what_knows_nothing_changes_nothing(name, everywhere):
    score = clueless()[name]
    given = before()
    verdict = judge(image(0), given, score if everywhere else replace_band(given, score, BAND))
    assert verdict.alpha is given
    assert verdict.accepted == 0
    assert verdict.rejected > 0


def test_of_an_edge_that_is_further_off_hardly_anything_is_taken():
    wrong = cv2.warpAffine(truth(0), np.float32([[1, 0, 9], [0, 1, -5]]), (WIDTH, HEIGHT))
    proposal = replace_band(before(), wrong, BAND)
    verdict = judge(image(0), before(), proposal)
    error, proposed, unrefined = (np.abs(each - truth(0)).mean() for each in (verdict.alpha, proposal, before()))
    assert error - unrefined < 0.03 * (proposed - unrefined)


def test_an_edge_that_becomes_soft_is_not_taken():
    """The truth inside, and a veil of 0.3 over what is outside: the sides differ more in colour, and it is no matte."""
    verdict = judge(image(0), before(), replace_band(before(), np.maximum(truth(0), np.float32(0.3)), BAND))
    assert np.abs(verdict.alpha - truth(0)).mean() <= np.abs(before() - truth(0)).mean()


def test_a_thing_of_the_subjects_colour_beside_it_is_not_taken():
    """As the back of a chair beside a shoulder: its edge is one of the picture, but it is too much at once."""
    picture, true = image(0), truth(0)
    thing = np.zeros_like(true)
    thing[100:130, 130:160] = 1
    picture[(thing > 0) & (true < 0.5)] = np.median(picture[true > 0.9], axis=0) + np.array((6, -4, 3))
    verdict = judge(picture, true, np.maximum(true, thing))
    assert verdict.alpha is true
    assert verdict.rejected > 0


def test_where_most_is_plainly_wrong_nothing_is_taken():
    """Half of a shifted edge is nearer to the picture's than a coarse one, by chance."""
    given = before()
    wrong = cv2.warpAffine(truth(0), np.float32([[1, 0, 5], [0, 1, 0]]), (WIDTH, HEIGHT))
    verdict = judge(image(0), given, replace_band(given, wrong, BAND))
    assert verdict.alpha is given


@pytest.mark.slow
def test_a_network_of_random_weights_changes_nothing(tmp_path):
    from livebg.refine.cascade_psp import CascadePSP
    from tests.refine.cascade import write_random_weights

    network = CascadePSP(write_random_weights(tmp_path / "model"), size=WIDTH, device="cpu")
    given = before()
    # Random filters tell bright from dark, and in the picture as it is the subject is what is bright.
    picture = 255 - image(0)
    score = network.alpha(picture, given)
    shutil.rmtree(tmp_path)  # 270 MB
    assert np.abs(score - given).max() > 0.1, "a network that changes nothing proves nothing"
    verdict = judge(picture, given, replace_band(given, score, BAND))
    assert verdict.alpha is given
    assert verdict.rejected > 0


def test_pieces_are_judged_each_on_its_own():
    """Most of the edge refined well, its right end by noise."""
    proposal = truth(0)
    proposal[:, 135:] = noise(1.5)[:, 135:]
    verdict = judge(image(0), before(), replace_band(before(), proposal, BAND))
    assert verdict.accepted > 0
    assert verdict.rejected > 0
    change = np.abs(verdict.alpha - before())
    assert change[:, :110].max() > 0.3
    assert change[:, 144:].max() == 0


def test_no_change_is_no_piece():
    given = before()
    verdict = judge(image(0), given, given.copy())
    assert verdict == (given, 0, 0)
    assert verdict.alpha is given


def test_nothing_given_is_written_over():
    given, proposal = before(), replace_band(before(), truth(0), BAND)
    kept = given.copy(), proposal.copy()
    judge(image(0), given, proposal)
    assert (given == kept[0]).all()
    assert (proposal == kept[1]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_the_smallest_pictures(shape):
    given, proposal = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    verdict = judge(np.zeros((*shape, 3), np.uint8), given, proposal)
    assert verdict.alpha is given
    assert verdict.rejected > 0
