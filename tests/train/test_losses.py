"""Losses on cases whose value is known."""

from __future__ import annotations

import math

import pytest
import torch

from livebg.train.losses import cross_entropy, laplacian, temporal, total_loss
from livebg.train.recipe import LossConfig


def disc(radius: float, size: int = 64) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = ((rows - size / 2) ** 2 + (columns - size / 2) ** 2).sqrt()
    return (radius - distance).clamp(0, 1)[None, None]


def test_cross_entropy_of_not_knowing_is_the_logarithm_of_two():
    assert cross_entropy(torch.zeros(2, 1, 8, 8), torch.rand(2, 1, 8, 8)).item() == pytest.approx(math.log(2), rel=1e-5)


def test_the_pyramid_sees_edges_and_not_levels():
    truth = disc(20)
    assert laplacian(truth, truth).item() == 0
    assert laplacian(truth + 0.3, truth).item() == pytest.approx(0, abs=1e-5)
    soft = torch.nn.functional.avg_pool2d(truth, 5, stride=1, padding=2)
    softer = torch.nn.functional.avg_pool2d(truth, 11, stride=1, padding=5)
    assert laplacian(softer, truth) > laplacian(soft, truth) > 0


def test_the_pyramid_takes_pictures_smaller_than_its_levels():
    assert laplacian(torch.ones(1, 1, 3, 5), torch.zeros(1, 1, 3, 5)).isfinite()


def test_an_error_that_stands_still_is_no_flicker_and_one_that_comes_and_goes_is():
    truth = torch.cat([disc(20), disc(22)])
    assert temporal(truth + 0.2, truth, 2).item() == pytest.approx(0, abs=1e-12)
    flicker = torch.tensor([0.0, 0.2]).view(2, 1, 1, 1)
    assert temporal(truth + flicker, truth, 2).item() == pytest.approx(0.04, rel=1e-5)
    two_shots = torch.cat([truth, truth])
    assert temporal(two_shots + flicker.repeat(2, 1, 1, 1), two_shots, 2).item() == pytest.approx(0.04, rel=1e-5)


def test_the_whole_is_least_where_the_score_is_true():
    truth = (disc(20) > 0.5).float()
    sure = (truth * 2 - 1) * 20
    good = total_loss([sure] * 7, truth, LossConfig(), frames=1)
    bad = total_loss([-sure] * 7, truth, LossConfig(), frames=1)
    assert set(good) == {"bce", "side", "l1", "laplacian"}
    assert all(value < 1e-6 for value in good.values())
    assert all(bad[name] > good[name] for name in good)


def test_a_teacher_and_time_add_their_part():
    truth = torch.cat([disc(20), disc(20)])
    parts = total_loss([torch.zeros_like(truth)] * 7, truth, LossConfig(teacher=0.5), frames=2, teacher=truth)
    assert parts["temporal"].item() == pytest.approx(0)
    assert parts["teacher"].item() == pytest.approx(0.5 * math.log(2), rel=1e-5)


@pytest.mark.parametrize("name", ["bce", "side", "l1", "laplacian", "temporal"])
def test_every_part_has_a_gradient(name):
    torch.manual_seed(0)
    logits = [torch.randn(2, 1, 32, 32, requires_grad=True) for _ in range(7)]
    total_loss(logits, torch.cat([disc(9, 32), disc(10, 32)]), LossConfig(), frames=2)[name].backward()
    assert any(each.grad is not None and each.grad.abs().sum() > 0 for each in logits)
