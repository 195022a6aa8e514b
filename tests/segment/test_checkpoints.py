"""Published weights into the network, against ONNX Runtime and against the authors' form with batch norm."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from livebg.errors import WeightsError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.u2net import CONFIGS
from tests.segment.reference import random_reference


def prepared(picture: np.ndarray) -> np.ndarray:
    """A part of the picture, normalised as published; written apart from the segmenter."""
    picture = picture[:320, 100:420].astype(np.float32) / 255
    return ((picture - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).astype(np.float32).transpose(2, 0, 1)[None]


@pytest.mark.parametrize("name", ["u2netp", pytest.param("u2net", marks=pytest.mark.slow)])
def test_the_published_onnx_file_scores_the_same_in_torch(name, pictures, request):
    path = request.getfixturevalue(name)
    network, size, _ = load_checkpoint(path)
    assert (network.config, size) == (CONFIGS[name], (320, 320))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for picture in pictures[:2]:
        batch = np.ascontiguousarray(prepared(picture))
        expected = session.run(None, {session.get_inputs()[0].name: batch})[0]
        with torch.inference_mode():
            score = network(torch.from_numpy(batch)).numpy()
        assert score.shape == expected.shape == (1, 1, 320, 320)
        assert expected.max() > 0.9 > 0.1 > expected.min()  # there is something to see
        assert np.abs(score - expected).max() < 1e-4


@pytest.mark.parametrize(("name", "prefix"), [("u2netp", ""), ("u2netp", "module."), ("u2net", "")])
def test_folded_batch_norm_changes_nothing(name, prefix, tmp_path):
    reference = random_reference(name)
    path = tmp_path / "mine.pth"
    torch.save({prefix + key: value for key, value in reference.state_dict().items()}, path)
    network, size, _ = load_checkpoint(path)
    assert (network.config, size) == (CONFIGS[name], None)
    torch.manual_seed(1)
    picture = torch.randn(1, 3, 75, 64)
    with torch.inference_mode():
        expected, score = reference(picture), network(picture)
    assert expected.std() > 1e-3  # there is something to see
    assert (score - expected).abs().max() < 1e-5


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return random_reference("u2netp").state_dict()


def refused(state: object, path, reason: str) -> None:
    torch.save(state, path)
    with pytest.raises(WeightsError, match=reason) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_weight_is_named(state, tmp_path):
    del state["stage3.rebnconv2.bn_s1.running_var"]
    refused(state, tmp_path / "x.pth", r"it has no stage3\.rebnconv2\.bn_s1\.running_var")


def test_a_weight_of_another_shape_is_named(state, tmp_path):
    state["stage2d.rebnconv3.conv_s1.weight"] = torch.zeros(16, 16, 5, 5)
    message = r"stage2d\.rebnconv3\.conv_s1\.weight is \(16, 16, 5, 5\), u2netp has \(16, 16, 3, 3\) there"
    refused(state, tmp_path / "x.pth", message)


def test_batch_norm_that_does_not_fit_is_named(state, tmp_path):
    state["stage1.rebnconvin.bn_s1.bias"] = torch.zeros(3)
    refused(state, tmp_path / "x.pth", r"stage1\.rebnconvin\.bn_s1 do not fit each other")


def test_a_weight_that_is_not_finite_is_named(state, tmp_path):
    state["outconv.weight"][0] = torch.nan
    refused(state, tmp_path / "x.pth", r"damaged: outconv\.weight has values that are not finite")


def test_another_network_is_refused(tmp_path):
    refused({"fc.weight": torch.zeros(3, 3)}, tmp_path / "x.pth", "it has no stage1")


@pytest.mark.parametrize("what", [[1, 2], {"epoch": 3, "model": {}}])
def test_what_is_no_state_dict_is_refused(what, tmp_path):
    refused(what, tmp_path / "x.pth", "does not hold a state dict")


class Boom:
    def __reduce__(self):
        return (print, ("code ran",))


def test_code_in_a_checkpoint_does_not_run(tmp_path, capsys):
    path = tmp_path / "x.pth"
    torch.save({"a": Boom()}, path)
    with pytest.raises(WeightsError, match="is not a checkpoint that torch can load"):
        load_checkpoint(path)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x.pth", "x.onnx"])
@pytest.mark.parametrize("content", [b"", b"hello, this is a text file"])
def test_a_file_of_something_else_is_refused(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["gone.pth", "gone.onnx"])
def test_a_missing_file_is_said(name, tmp_path):
    with pytest.raises(WeightsError, match=f"cannot read .*{name}: No such file"):
        load_checkpoint(tmp_path / name)


def test_an_onnx_file_cut_short_is_refused(u2netp, tmp_path):
    model = onnx.load(u2netp)
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type == "Conv")
    del model.graph.node[last]
    path = tmp_path / "short.onnx"
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="it has 118 convolutions, u2netp has 119"):
        load_checkpoint(path)


def test_an_onnx_file_without_stored_weights_is_refused(u2netp, tmp_path):
    model = onnx.load(u2netp)
    del model.graph.initializer[:]
    path = tmp_path / "empty.onnx"
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="Conv_0 has no stored weight and bias"):
        load_checkpoint(path)
