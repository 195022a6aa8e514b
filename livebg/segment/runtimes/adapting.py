"""What the adapters of runtimes say and check alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, TypeVar

from livebg.cores import cores, quota
from livebg.errors import DeviceError, WeightsError

T = TypeVar("T")


class Lanes(Generic[T]):
    """What one caller at a time may use, several of them: whoever comes when all are taken waits."""

    def __init__(self, each: Iterable[T]) -> None:
        self._free: SimpleQueue[T] = SimpleQueue()
        for one in each:
            self._free.put(one)

    @contextmanager
    def one(self) -> Iterator[T]:
        """Any that is free."""
        one = self._free.get()
        try:
            yield one
        finally:
            self._free.put(one)


def threads_each(threads: int | None, lanes: int) -> int | None:
    """Threads for one picture: as asked for; else the cores in equal parts, or what the runtime takes for one lane.

    Runtimes see the affinity mask and not a quota of time, so where there is one, they are told.
    """
    return max(1, cores() // lanes) if threads is None and (lanes > 1 or quota() is not None) else threads


def on_cpu(name: str, threads: int | None, lanes: int = 1) -> str:
    """For people: «ONNX Runtime on the CPU (2 threads)», «(2 pictures at once, 1 thread each)»."""
    each = "" if threads is None else f"{threads} thread{'s' if threads > 1 else ''}"
    said = each if lanes == 1 else f"{lanes} pictures at once, {each} each"
    return f"{name} on the CPU ({said})" if said else f"{name} on the CPU"


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
