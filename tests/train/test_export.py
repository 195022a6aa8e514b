"""The files that ship: both hold the same numbers, and every runtime agrees on them."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import onnx
import pytest
import torch

from livebg.errors import SinkError, UsageError, WeightsError
from livebg.segment import Segmenter
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.metadata import Stated
from livebg.segment.runtimes import devices
from livebg.segment.segmenter import PACKAGED, find_model
from livebg.segment.u2net import CONFIGS
from livebg.train.export import export
from livebg.train.recipe import Recipe
from livebg.train.start import new_network


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    from livebg.train.recipe import load_recipe

    torch.manual_seed(1)
    recipe = load_recipe("people-nano")
    network = new_network(recipe.network, "")
    for _, conv in network.convolutions():
        torch.nn.init.normal_(conv.bias, std=0.01)  # the exporter merges equal tensors, and no trained ones are
    path = tmp_path_factory.mktemp("run") / "best.pt"
    torch.save(
        {"recipe": recipe.model_dump_json(), "average": network.state_dict(), "counters": (1, 1.0, 1.0, 1)}, path
    )
    return path


@pytest.fixture(scope="module")
def files(checkpoint, tmp_path_factory):
    return export(checkpoint, tmp_path_factory.mktemp("files"), "people-nano")


def test_the_recipe_goes_along_without_anybody_s_folders(tmp_path, checkpoint):
    from safetensors import safe_open

    content = torch.load(checkpoint, weights_only=True)
    content["recipe"] = content["recipe"].replace('"start":"people"', '"start":"/home/somebody/a.safetensors"')
    torch.save(content, tmp_path / "best.pt")
    with safe_open(export(tmp_path / "best.pt", tmp_path, "mine")[0], framework="pt") as file:
        recipe = file.metadata()["recipe"]
    assert '"start":"a.safetensors"' in recipe
    assert "somebody" not in recipe


def test_both_files_are_halves_and_load_as_the_network_at_its_size(files):
    assert [path.name for path in files] == ["people-nano.safetensors", "people-nano.onnx"]
    one, other = (load_checkpoint(path) for path in files)
    assert one.size == other.size == (192, 144)
    assert one.network.config == other.network.config == CONFIGS["people"]
    state = other.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in one.network.state_dict().items())
    assert all(path.stat().st_size < 3_000_000 for path in files)


@pytest.mark.parametrize("size", [None, (256, 144), (97, 75)])
def test_onnx_and_torch_agree_within_a_thousandth(files, size):
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    one = Segmenter(files[1], size=size, alpha="raw").segment(picture).alpha
    other = Segmenter(files[0], size=size, alpha="raw", device="cpu").segment(picture).alpha
    assert one.std() > 1e-3  # there is something to see
    assert np.abs(one - other).max() < 1e-3


@pytest.fixture(scope="module")
def scenes():
    """Blurred noise: what is there to see has edges of every size."""
    rng = np.random.default_rng(2)
    return np.stack(
        [cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (192, 144), interpolation=cv2.INTER_CUBIC)] * 2
        + [rng.integers(0, 256, (144, 192, 3), np.uint8)]
    )


@pytest.fixture(scope="module")
def whole(checkpoint, scenes, tmp_path_factory):
    return export(checkpoint, tmp_path_factory.mktemp("whole"), "people-nano", pictures=scenes)


def test_whole_numbers_are_half_as_many_bytes_and_nearly_the_same_score(files, whole, scenes):
    assert [path.name for path in whole] == ["people-nano.safetensors", "people-nano.onnx", "people-nano.int8.onnx"]
    assert whole[1].read_bytes() == files[1].read_bytes()
    assert whole[2].stat().st_size < 1_250_000
    one, other = (
        Segmenter(whole[1], alpha="raw", device="cpu", runtime="onnx", precision=each) for each in ("full", "int8")
    )
    assert one.size == other.size == (192, 144)
    assert one.description.startswith("people-nano.onnx 192x144/144x192 in full precision by ONNX Runtime")
    assert other.description.startswith("people-nano.onnx 192x144/144x192 in int8 by ONNX Runtime")
    for scene in scenes[1:]:
        full, ours = one.segment(scene).alpha, other.segment(scene).alpha
        assert not np.array_equal(full, ours)  # it is another network
        assert np.abs(full - ours).mean() < 0.2 * full.std()


def test_whole_numbers_take_other_sizes_too(whole):
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    segmenter = Segmenter(whole[2], size=(97, 75), device="cpu")  # by its path: it is what its name says
    assert segmenter.description == "people-nano.int8.onnx 97x75/75x97 in int8 by ONNX Runtime on the CPU"
    assert segmenter.segment(picture).alpha.shape == (90, 120)
    with pytest.raises(
        UsageError, match=r"^people-nano\.int8\.onnx is in whole numbers: choose precision int8 or auto$"
    ):
        Segmenter(whole[2], device="cpu", precision="full")


def test_whole_numbers_come_out_the_same_again(checkpoint, whole, scenes, tmp_path):
    again = export(checkpoint, tmp_path, "people-nano", pictures=scenes)
    assert again[2].read_bytes() == whole[2].read_bytes()


def test_the_end_of_the_network_stays_in_floating_point(whole):
    nodes = onnx.load(whole[2]).graph.node
    kinds = Counter(node.op_type for node in nodes)
    assert kinds["QLinearConv"] == 118
    assert kinds["Conv"] == 1  # the one that mixes the side outputs


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "torch"])
def test_the_size_of_upright_pictures_goes_along_in_every_file(runtime, checkpoint, scenes, tmp_path):
    if runtime == "openvino" and devices.openvino_version() is None:
        pytest.skip("no OpenVINO")
    content = torch.load(checkpoint, weights_only=True)
    recipe = Recipe.model_validate_json(content["recipe"]).model_copy(update={"upright": (160, 176)})
    torch.save({**content, "recipe": recipe.model_dump_json()}, tmp_path / "best.pt")
    files = export(tmp_path / "best.pt", tmp_path, "mine", pictures=scenes)
    for path in {"onnx": files[1:], "openvino": files[1:2], "torch": files[:2]}[runtime]:
        segmenter = Segmenter(path, runtime=runtime, device="cpu", coarse=True)
        assert segmenter.sizes == "192x144/160x176"
        assert segmenter.segment(np.zeros((90, 60, 3), np.uint8)).alpha.shape == (176, 160)
        assert Segmenter(path, runtime=runtime, device="cpu", size=(64, 48)).sizes == "64x48/48x64"
    assert load_checkpoint(files[0]).stated == load_checkpoint(files[1]).stated == Stated((160, 176), empties=True)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("livebg.upright", "tall", "WxH with sides of 34 to 4096"),
        ("livebg.upright", "0x0", "WxH with sides of 34 to 4096"),
        ("livebg.empties", "no", "yes"),
    ],
)
@pytest.mark.parametrize("runtime", ["onnx", "openvino", "torch"])
def test_metadata_that_livebg_does_not_write_are_refused(runtime, key, value, wanted, files, tmp_path):
    if runtime == "openvino" and devices.openvino_version() is None:
        pytest.skip("no OpenVINO")
    model = onnx.load(files[1])
    del model.metadata_props[:]
    model.metadata_props.add(key=key, value=value)
    onnx.save(model, tmp_path / "mine.onnx")
    with pytest.raises(WeightsError, match=rf"mine\.onnx .*: its metadata say {key} '{value}', not {wanted}"):
        Segmenter(tmp_path / "mine.onnx", runtime=runtime, device="cpu", precision="full")


def test_weights_that_saw_no_empty_scenes_do_not_say_so(checkpoint, files, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    recipe = Recipe.model_validate_json(content["recipe"])
    assert recipe.scenes.empty > 0
    assert all(load_checkpoint(path).stated == Stated(empties=True) for path in files)
    recipe = recipe.model_copy(update={"scenes": recipe.scenes.model_copy(update={"empty": 0.0})})
    torch.save({**content, "recipe": recipe.model_dump_json()}, tmp_path / "best.pt")
    assert all(load_checkpoint(path).stated == Stated() for path in export(tmp_path / "best.pt", tmp_path, "mine"))


def test_somebody_else_s_metadata_say_nothing(files, tmp_path):
    model = onnx.load(files[1])
    del model.metadata_props[:]
    for key in ("upright", "empties", "author"):
        model.metadata_props.add(key=key, value="somebody")
    onnx.save(model, tmp_path / "theirs.onnx")
    assert load_checkpoint(tmp_path / "theirs.onnx").stated == Stated()


def test_what_cannot_be_exported_is_said(checkpoint, tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*nothing\.pt"):
        export(tmp_path / "nothing.pt", tmp_path, "people")
    (tmp_path / "taken").write_text("")
    with pytest.raises(SinkError, match="cannot write"):
        export(checkpoint, tmp_path / "taken", "people")


def test_a_safetensors_file_of_somebody_else_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="its metadata lack config and size"):
        load_checkpoint(tmp_path / "other.safetensors")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors", {"config": "people", "size": "64x48"})
    with pytest.raises(WeightsError, match=r"it has no encoder\.0\.enter\.weight"):
        load_checkpoint(tmp_path / "other.safetensors")
    (tmp_path / "other.safetensors").write_text("text")
    with pytest.raises(WeightsError, match="is not a safetensors file"):
        load_checkpoint(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["people", "people-nano"])
def test_packaged_weights_are_found_by_name_in_both_forms(name):
    if not (PACKAGED / f"{name}.onnx").exists():
        with pytest.raises(UsageError, match="there is no model"):
            find_model(name)
        return
    path = find_model(name)
    assert path == PACKAGED / f"{name}.onnx"
    one, other = load_checkpoint(path), load_checkpoint(path.with_suffix(".safetensors"))
    assert one.size == other.size
    state = other.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in one.network.state_dict().items())
