"""Levels are taken away and the scores stay."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest
import torch

from livebg import weights
from livebg.errors import DeviceError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.published import PUBLISHED, Level
from livebg.segment.runtimes import Choice, open_runtime, openvino
from livebg.segment.runtimes.centring import centre
from livebg.segment.runtimes.torch import centre as centre_modules


def noise(size):
    return np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)


def scores(model, picture, precision="f32"):
    return openvino._CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})([picture[None]])[0][0, 0]


def level_of(model, maker):
    """What a convolution's ReLU gives in full precision: the least and the greatest value of each channel."""
    node = next(each for each in model.get_ops() if each.get_friendly_name() == maker)
    relu = next(iter(node.output(0).get_target_inputs())).get_node()
    return ov.Model([relu.output(0)], model.get_parameters(), "level")


@pytest.mark.parametrize("size", [(320, 320), (97, 75)])
def test_in_full_precision_the_scores_are_the_same_to_the_border(size, u2netp):
    before, after = (openvino._for_bytes(openvino._read(u2netp), size) for _ in range(2))
    centre(after, PUBLISHED["u2netp"].levels)
    picture = noise(size)
    assert np.abs(scores(after, picture) - scores(before, picture)).max() < 1e-4


def test_the_channels_stand_on_their_levels_and_not_on_more(u2netp, pictures):
    """On photographs, on noise and on nothing: a value below its level would be lost."""
    model = openvino._for_bytes(openvino._read(u2netp), (160, 160))
    seen = [*(each[:160, :160] for each in pictures), noise((160, 160)), np.zeros((160, 160, 3), np.uint8)]
    for name, _, channel, level in PUBLISHED["u2netp"].levels:
        compiled = openvino._CORE.compile_model(level_of(model, name), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        values = np.concatenate([compiled([each[None]])[0][0, channel].ravel() for each in seen])
        assert values.min() - level > 0.2
        assert values.max() - level < 4


@pytest.mark.parametrize("name", PUBLISHED)
def test_torch_does_as_openvino(name, pictures):
    path = weights.ensure(name)
    batch = torch.from_numpy(np.stack([each[:96, :160] for each in pictures])).permute(0, 3, 1, 2) / 128.0 - 1
    before, after, rounded, halves = (load_checkpoint(path).network for _ in range(4))
    centre_modules(after, PUBLISHED[name].levels)
    centre_modules(halves, PUBLISHED[name].levels)
    with torch.inference_mode():
        before, after = before(batch), after(batch)
        rounded, halves = (each.half()(batch.half()) for each in (rounded, halves))
    assert (after - before).abs().max() < 1e-4
    off = (halves - before).abs().flatten()
    assert off.mean() < (rounded - before).abs().mean() / 3
    assert off.quantile(0.999) < 4 / 255


@pytest.mark.skipif(not openvino.halves_multiply(), reason="this CPU multiplies no halves")
def test_halves_lose_the_level_that_is_left_to_them(u2netp, pictures, tmp_path):
    """The same file under another path is not known, and keeps its levels."""
    unknown = tmp_path / "u2netp.onnx"
    unknown.write_bytes(u2netp.read_bytes())
    batch = np.stack([each[:320, :320] for each in pictures if min(each.shape[:2]) >= 320])
    full = open_runtime(u2netp, Choice("openvino", "cpu")).scores(batch)
    off = [
        np.abs(open_runtime(path, Choice("openvino", "cpu", "half")).scores(batch) - full).mean()
        for path in (u2netp, unknown)
    ]
    assert off[0] < off[1] / 3


def test_a_file_that_is_read_in_another_way_is_an_error_and_not_a_worse_matte(u2netp):
    model = openvino._for_bytes(openvino._read(u2netp), (64, 64))
    for name in ("Conv_9999", "Conv_810"):  # no such node, and one that nothing enlarges
        with pytest.raises(DeviceError, match=f"about {name}: choose precision full$"):
            centre(model, [Level(name, "", 0, 1.0)])
