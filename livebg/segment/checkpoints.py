"""Published weights into the network: the authors' ``.pth`` files and the published ONNX files.

Both hold the same 119 convolutions in the order in which they run, so both are read into one list, and which network it
is (u2net, u2netp, or somebody's own training of either) is seen from the shapes.

- ``.pth``: the names of the authors' classes, with batch norm beside each body convolution; folded here.
- ``.onnx``: exported with batch norm folded, which lost the names; the order of the Conv nodes is what remains.

Our own weights are ``.safetensors`` with the names of ``U2Net``, and ``.onnx`` files made from them.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from livebg.errors import WeightsError
from livebg.segment.metadata import SIZE, Stated, stated, stated_size
from livebg.segment.u2net import CONFIGS, U2Net, U2NetConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BATCH_NORM_EPS = 1e-5  # torch's default, with which the authors trained


class Convolution(NamedTuple):
    """One convolution as a file has it; ``name`` is what the file calls its weight."""

    name: str
    weight: Tensor
    bias: Tensor


class Checkpoint(NamedTuple):
    """A network ready to score, on the CPU in float32.

    Attributes:
        network: In evaluation mode.
        size: The input size (W, H) that its file is fixed at, if any.
        stated: What else the file says of itself.
    """

    network: U2Net
    size: tuple[int, int] | None
    stated: Stated


class _Read(NamedTuple):
    """What a file holds."""

    found: list[Convolution]
    size: tuple[int, int] | None = None
    stated: Stated = Stated()


def load_checkpoint(path: Path) -> Checkpoint:
    """The network of a weights file.

    Args:
        path: A ``.onnx`` file as published, a ``.pth`` holding a state dict with the authors' names, or a
            ``.safetensors`` as ``livebg train`` writes it.

    Raises:
        WeightsError: The file is missing, damaged, or not a U²-Net; it names the first weight that does not fit.
    """
    read = {".onnx": _read_onnx, ".safetensors": _read_safetensors}.get(path.suffix.lower(), _read_pth)
    found, size, about = read(path)
    name, config = _recognise(found)
    with torch.device("meta"):  # shapes without memory: the file's own tensors become the parameters
        network = U2Net(config)
    places = list(network.convolutions())
    if len(found) != len(places):
        raise WeightsError(f"{path} is not a U²-Net: it has {len(found)} convolutions, {name} has {len(places)}")
    state: dict[str, Tensor] = {}
    for conv, (place, module) in zip(found, places, strict=True):
        if conv.weight.shape != module.weight.shape or conv.bias.shape != conv.weight.shape[:1]:
            got, wanted = tuple(conv.weight.shape), tuple(module.weight.shape)
            raise WeightsError(f"{path} is not a U²-Net: {conv.name} is {got}, {name} has {wanted} there")
        if not (conv.weight.isfinite().all() and conv.bias.isfinite().all()):
            raise WeightsError(f"{path} is damaged: {conv.name} has values that are not finite")
        state[f"{place}.weight"], state[f"{place}.bias"] = conv.weight, conv.bias
    network.load_state_dict(state, assign=True)
    return Checkpoint(network.eval().requires_grad_(False), size, about)


def fold(weight: Tensor, bias: Tensor, norm: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A convolution and the batch norm behind it as one convolution.

    Args:
        weight: (out, in, k, k).
        bias: (out,).
        norm: ``weight``, ``bias``, ``running_mean`` and ``running_var`` of the batch norm, each (out,).

    Returns:
        Weight and bias, float32; computed in float64, because variances span many powers of ten.

    Source: Ioffe and Szegedy, arXiv:1502.03167, section 3.1: at inference the normalisation is affine.
    """
    scale = norm["weight"].double() / torch.sqrt(norm["running_var"].double() + BATCH_NORM_EPS)
    folded = weight.double() * scale[:, None, None, None]
    shift = (bias.double() - norm["running_mean"].double()) * scale + norm["bias"].double()
    return folded.float(), shift.float()


def _recognise(found: list[Convolution]) -> tuple[str, U2NetConfig]:
    """The known network whose shapes agree with the most convolutions of the file."""

    def agreement(config: U2NetConfig) -> int:
        with torch.device("meta"):
            wanted = [module.weight.shape for _, module in U2Net(config).convolutions()]
        return sum(conv.weight.shape == shape for conv, shape in zip(found, wanted, strict=False))

    return max(CONFIGS.items(), key=lambda item: agreement(item[1]))


def _read_pth(path: Path) -> _Read:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise WeightsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (RuntimeError, UnpicklingError, EOFError, KeyError, ValueError) as exc:
        cure = "it is damaged, or holds more than weights: save the network's state_dict() alone"
        raise WeightsError(f"{path} is not a checkpoint that torch can load safely: {cure}") from exc
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} does not hold a state dict: save the network's state_dict() alone")
    state = {key.removeprefix("module."): value for key, value in state.items()}  # as DataParallel saves it
    # Names depend on depths alone, and all known networks have the same; the shapes then tell them apart.
    depths = CONFIGS["u2net"]
    found = []
    for unit in _authors_units(depths):
        conv, norm = f"{unit}.conv_s1", f"{unit}.bn_s1"
        weight, bias = _take(state, path, conv, "weight", "bias")
        keys = ("weight", "bias", "running_mean", "running_var")
        values = dict(zip(keys, _take(state, path, norm, *keys), strict=True))
        if weight.ndim != 4 or any(value.shape != weight.shape[:1] for value in (bias, *values.values())):
            raise WeightsError(f"{path} is not a U²-Net: {conv} and {norm} do not fit each other")
        found.append(Convolution(f"{conv}.weight", *fold(weight, bias, values)))
    for head in (*(f"side{level}" for level in range(1, len(depths.encoder) + 1)), "outconv"):
        weight, bias = _take(state, path, head, "weight", "bias")
        found.append(Convolution(f"{head}.weight", weight.float(), bias.float()))
    return _Read(found)


def _authors_units(config: U2NetConfig) -> Iterator[str]:
    """What the authors' code calls the body's convolutions, in the order in which they run."""
    levels = len(config.encoder)
    stages = [f"stage{level}" for level in range(1, levels + 1)]
    stages += [f"stage{level}d" for level in range(levels - 1, 0, -1)]
    for stage, block in zip(stages, (*config.encoder, *config.decoder), strict=True):
        yield f"{stage}.rebnconvin"
        yield from (f"{stage}.rebnconv{i}" for i in range(1, block.depth + 1))
        yield from (f"{stage}.rebnconv{i}d" for i in range(block.depth - 1, 0, -1))


def _take(state: Mapping[str, Tensor], path: Path, prefix: str, *keys: str) -> list[Tensor]:
    missing = [f"{prefix}.{key}" for key in keys if f"{prefix}.{key}" not in state]
    if missing:
        raise WeightsError(f"{path} is not a U²-Net: it has no {missing[0]}")
    return [state[f"{prefix}.{key}"] for key in keys]


def _read_onnx(path: Path) -> _Read:
    import onnx  # half a second, and only torch needs the numbers: ONNX Runtime reads the file itself
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load(path)
    except OSError as exc:
        raise WeightsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except DecodeError as exc:
        raise WeightsError(f"{path} is not an ONNX file: {_first_line(exc)}") from exc
    graph = model.graph
    values = {item.name: item for item in graph.initializer}
    # Weights kept in half precision are cast to full before they are used.
    values |= {
        node.output[0]: values[node.input[0]]
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] in values
    }
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        if len(node.input) != 3 or not all(name in values for name in node.input[1:]):
            raise WeightsError(f"{path} is not a U²-Net as published: {node.name} has no stored weight and bias")
        # Copied: the arrays are views of the file's memory, which torch must not write to.
        weight, bias = (torch.from_numpy(numpy_helper.to_array(values[name]).copy()) for name in node.input[1:])
        found.append(Convolution(node.input[1], weight.float(), bias.float()))
    dims = graph.input[0].type.tensor_type.shape.dim if graph.input else []
    sides = [dim.dim_value for dim in dims[2:4]]  # 0 where it is free
    size = (sides[1], sides[0]) if len(sides) == 2 and all(sides) else None
    about = {each.key: each.value for each in model.metadata_props}
    return _Read(found, size, stated(path, about))


def _read_safetensors(path: Path) -> _Read:
    """Our own names; the metadata say the network's name and its input sizes."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except OSError as exc:
        raise WeightsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except SafetensorError as exc:
        raise WeightsError(f"{path} is not a safetensors file: {_first_line(exc)}") from exc
    config = CONFIGS.get(about.get("config", ""))
    size = stated_size(path, about, SIZE)
    if config is None or size is None:
        raise WeightsError(f"{path} is not a U²-Net of livebg: its metadata lack config and size")
    with torch.device("meta"):
        places = [name for name, _ in U2Net(config).convolutions()]
    found = []
    for place in places:
        weight, bias = _take(state, path, place, "weight", "bias")
        found.append(Convolution(f"{place}.weight", weight.float(), bias.float()))
    return _Read(found, size, stated(path, about))


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
