"""A checkpoint into the files that ship: safetensors for torch, ONNX for the CPU, both in half precision.

The ONNX file keeps its weights as halves and casts them to full precision when it is loaded (ONNX Runtime folds the
casts), so that both files hold the same numbers and the CPU computes as ever. A second ONNX file holds the network in
whole numbers (see ``segment.quantise``) where there are pictures to find their ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

from livebg.errors import SinkError
from livebg.segment.metadata import SIZE, in_words
from livebg.segment.quantise import quantised, ranges
from livebg.train.graph import packed, traced
from livebg.train.loop import averaged_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def export(checkpoint: Path, folder: Path, name: str, *, pictures: NDArray[np.uint8] | None = None) -> list[Path]:
    """Write the averaged weights of a checkpoint.

    Args:
        checkpoint: Of ``train``.
        folder: Where the files go.
        name: Their stem.
        pictures: RGB uint8 (N, H, W, 3) of the network's size, such as ``calibration_pictures`` gives: what the ranges
            of whole numbers are taken from.

    Returns:
        The files: NAME.safetensors, NAME.onnx, and with pictures NAME.int8.onnx.

    Raises:
        WeightsError: It is no checkpoint.
        SinkError: A file cannot be written.
    """
    network, recipe = averaged_network(checkpoint)
    # Rounded once, so that what is written is what any runtime computes with.
    network = network.half().float()
    files = [folder / f"{name}.safetensors", folder / f"{name}.onnx"]
    # Files that it came from go by their names alone: where they lay concerns nobody else.
    plain = recipe.model_copy(update={"start": Path(recipe.start).name, "teacher": Path(recipe.teacher).name})
    states = recipe.stated.as_metadata()
    about = {"config": recipe.network, SIZE: in_words(recipe.size), **states, "recipe": plain.model_dump_json()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        halves = {key: value.half().contiguous() for key, value in network.state_dict().items()}
        save_file(halves, files[0], metadata=about)
        model = traced(network, recipe.size)
        files[1].write_bytes(_in_halves(model, states))
        if pictures is not None:
            files.append(folder / f"{name}.int8.onnx")
            whole = quantised(model, ranges(model, pictures), keep=_behind_sides(model.graph))
            files[2].write_bytes(packed(whole, about=states))
    except OSError as exc:
        raise SinkError(f"cannot write {exc.filename or folder}: {exc.strerror or exc}") from exc
    return files


def _in_halves(full: onnx.ModelProto, about: Mapping[str, str]) -> bytes:
    """The model as a file whose weights are halves, with casts behind them; ``about`` are its metadata."""
    model = onnx.ModelProto()
    model.CopyFrom(full)
    weights = {item.name for item in model.graph.initializer}
    casts = []
    for item in model.graph.initializer:
        if item.data_type != TensorProto.FLOAT or not item.name.endswith(("weight", "bias")):
            continue
        name = item.name
        item.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(item).astype("float16"), f"{name}.half"))
        casts.append(helper.make_node("Cast", [item.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return packed(model, keep=weights, about=about)  # a file that is refused names the weight at fault


def _behind_sides(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes behind the convolutions of the side outputs.

    They stay in floating point: each number there is a score, enlarged and mixed to the result, and they cost little.
    """
    kept = []
    beyond: set[str] = set()
    for node in graph.node:
        behind = not beyond.isdisjoint(node.input)
        if behind:
            kept.append(node.name)
        if behind or node.name.startswith("/sides."):
            beyond.update(node.output)
    return kept
