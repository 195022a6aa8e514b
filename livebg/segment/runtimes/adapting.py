"""What the adapters of runtimes say and check alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livebg.errors import DeviceError, WeightsError


def on_cpu(name: str, threads: int | None) -> str:
    """For people: «ONNX Runtime on the CPU (2 threads)»."""
    at = "" if threads is None else f" ({threads} thread{'s' if threads > 1 else ''})"
    return f"{name} on the CPU{at}"


def failure(what: str, size: tuple[int, int], reason: str) -> DeviceError:
    """The one line for a runtime that failed at a size, width and height."""
    width, height = size
    return DeviceError(f"{what} at {width}x{height}: {reason}; where memory is short, take a smaller size or model")


def input_size(path: Path, inputs: Sequence[Sequence[object]], output_rank: int) -> tuple[int, int] | None:
    """Width and height that an ONNX file is fixed at; ``None`` where it takes any.

    Args:
        path: The file.
        inputs: The shapes that it takes; a side that may vary is no number.
        output_rank: Axes of its first output.

    Raises:
        WeightsError: It is not a U²-Net.
    """
    shape = inputs[0]
    if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or output_rank != 4:
        raise WeightsError(f"{path} is not a U²-Net: it takes {[*map(list, inputs)]}, not one (1, 3, H, W)")
    height, width = shape[2:]
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None
