"""A checkpoint into the files that ship: safetensors for torch, ONNX for the CPU, both in half precision.

The ONNX file keeps its weights as halves and casts them to full precision when it is loaded (ONNX Runtime folds the
casts), so that both files hold the same numbers and the CPU computes as ever.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

from livebg.errors import SinkError
from livebg.train.loop import averaged_network

if TYPE_CHECKING:
    from livebg.segment.u2net import U2Net

OPSET = 17


def export(checkpoint: Path, folder: Path, name: str) -> list[Path]:
    """Write the averaged weights of a checkpoint.

    Args:
        checkpoint: Of ``train``.
        folder: Where the files go.
        name: Their stem.

    Returns:
        The files: NAME.safetensors and NAME.onnx.

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
    about = {"config": recipe.network, "size": "x".join(map(str, recipe.size)), "recipe": plain.model_dump_json()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        halves = {key: value.half().contiguous() for key, value in network.state_dict().items()}
        save_file(halves, files[0], metadata=about)
        files[1].write_bytes(to_onnx(network, recipe.size))
    except OSError as exc:
        raise SinkError(f"cannot write {exc.filename or folder}: {exc.strerror or exc}") from exc
    return files


def to_onnx(network: U2Net, size: tuple[int, int]) -> bytes:
    """The network as an ONNX file: the input ``picture`` (1, 3, H, W) at a size (W, H), the output ``score``."""
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
    # Sizes within follow from the input's; stating it alone, as the published files do, lets any other be put there.
    del model.graph.value_info[:]
    for value in (model.graph.input[0], model.graph.output[0]):
        for dim, number in zip(value.type.tensor_type.shape.dim[2:], reversed(size), strict=True):
            dim.dim_value = number
    casts = []
    for item in model.graph.initializer:
        if item.data_type != TensorProto.FLOAT or not item.name.endswith(("weight", "bias")):
            continue
        name = item.name
        half = numpy_helper.from_array(numpy_helper.to_array(item).astype("float16"), f"{name}.half")
        item.CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
