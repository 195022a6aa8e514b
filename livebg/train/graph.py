"""A torch network as an ONNX graph, and a graph in few bytes."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx
import torch

if TYPE_CHECKING:
    from livebg.segment.u2net import U2Net

OPSET = 17
_NOTHING: Mapping[str, str] = MappingProxyType({})


def traced(network: U2Net, size: tuple[int, int]) -> onnx.ModelProto:
    """The network in full precision: the input ``picture`` (1, 3, H, W) at a size (W, H), the output ``score``."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        written = Path(folder) / "network.onnx"
        # The exporter that succeeds this one needs onnxscript; and shapes that it takes for constants are.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean")
        torch.onnx.export(
            network,
            # A size that never halves evenly, so that no enlargement is left out as needless.
            (torch.zeros(1, 3, size[1] // 64 * 64 + 65, size[0] // 64 * 64 + 65),),
            written,
            dynamo=False,
            opset_version=OPSET,
            input_names=["picture"],
            output_names=["score"],
            dynamic_axes={name: {2: "height", 3: "width"} for name in ("picture", "score")},
        )
        model = onnx.load(written)
    _part(model.graph)
    # Sizes within follow from the input's; stating it alone, as the published files do, lets any other be put there.
    for value in (model.graph.input[0], model.graph.output[0]):
        for dim, number in zip(value.type.tensor_type.shape.dim[2:], reversed(size), strict=True):
            dim.dim_value = number
    return model


def _part(graph: onnx.GraphProto) -> None:
    """Give each convolution its own weights again: the exporter stores equal ones, as of a young network, once."""
    stored = {item.name: item for item in graph.initializer}
    for node in list(graph.node):
        if node.op_type == "Identity" and node.input[0] in stored:
            graph.initializer.add().CopyFrom(stored[node.input[0]])
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)


def packed(model: onnx.ModelProto, *, keep: Collection[str] = (), about: Mapping[str, str] = _NOTHING) -> bytes:
    """The model as a file, with short names: they are a tenth of its bytes.

    Args:
        model: Is changed.
        keep: Names that stay, besides those of inputs and outputs.
        about: What it says of itself.
    """
    graph = model.graph
    names: dict[str, str] = {name: name for name in ("", *keep, *(each.name for each in (*graph.input, *graph.output)))}

    def short(name: str) -> str:
        return names.setdefault(name, f"{len(names):x}")

    del graph.value_info[:]
    for item in graph.initializer:
        item.name = short(item.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = map(short, node.input)
        node.output[:] = map(short, node.output)
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
