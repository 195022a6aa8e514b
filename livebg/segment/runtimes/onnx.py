"""ONNX Runtime on the CPU: twice as fast as torch there, and torch is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from livebg.errors import WeightsError
from livebg.segment.metadata import stated
from livebg.segment.runtimes import PUBLISHED_SIZE, SCALE, SHIFT
from livebg.segment.runtimes.adapting import Lanes, failure, input_size, on_cpu, threads_each

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# ONNX Runtime's exceptions have no common ancestor of their own.
_FAILURES: tuple[type[Exception], ...] = (
    states.Fail, states.RuntimeException, states.InvalidArgument, states.InvalidGraph, states.InvalidProtobuf,
    states.NoSuchFile, states.NotImplemented, states.EPFail, MemoryError,
)  # fmt: skip
_FATAL = 4


class OnnxRuntime:
    """One session. Pictures of a batch go one by one: on a CPU a batch gains nothing and costs memory."""

    name = "onnx"
    device = "cpu"
    half = False

    def __init__(
        self, path: Path, *, size: tuple[int, int] | None = None, threads: int | None = None, lanes: int = 1
    ) -> None:
        self._path = path
        threads = threads_each(threads, lanes)
        # A session has one pool for all who call it, and each caller works along.
        pool = None if threads is None else threads * lanes - (lanes - 1)
        self._session = _open(path, path, pool)
        shapes = [each.shape for each in self._session.get_inputs()]
        own = input_size(path, shapes, len(self._session.get_outputs()[0].shape))
        self.stated = stated(path, self._session.get_modelmeta().custom_metadata_map)
        self.size = size or own or PUBLISHED_SIZE
        if own is not None and own != self.size:
            self._session = _open(path, _resized(path, self.size), pool)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        width, height = self.size
        self._lanes = Lanes(np.empty((1, 3, height, width), np.float32) for _ in range(lanes))
        self.description = on_cpu("ONNX Runtime", threads, lanes)

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``Runtime.scores``."""
        scores = np.empty(pictures.shape[:3], np.float32)
        for picture, score in zip(pictures, scores, strict=True):
            with self._lanes.one() as batch:
                for channel, plane in enumerate(batch[0]):
                    np.multiply(picture[..., channel], np.float32(SCALE[channel]), out=plane)
                    plane += np.float32(SHIFT[channel])
                try:
                    found = self._session.run([self._output], {self._input: batch})[0]
                except _FAILURES as exc:
                    raise failure(f"ONNX Runtime failed on {self._path.name}", self.size, _reason(exc)) from exc
            score[:] = found[0, 0]
        return scores


def _open(path: Path, model: Path | bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """A session of a file, or of bytes made from it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL  # warnings of every constant it folds; and its errors reach us as exceptions
    # Threads that wait by spinning take the cores from decoding, composition and encoding: a whole `livebg process` of
    # people in int8 took 7 s of processor time without and 11 s with, on two busy cores half the time by the clock.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _FAILURES as exc:
        raise WeightsError(f"ONNX Runtime cannot load {path}: {_reason(exc)}") from exc


def _resized(path: Path, size: tuple[int, int]) -> bytes:
    """The model for another input size.

    The published files state 320x320 at the input and the outputs alone; everything between follows from the input. The
    side outputs are dropped: they serve training.
    """
    import onnx  # half a second, needed for other sizes alone

    model = onnx.load(path)
    graph = model.graph
    del graph.output[1:]
    del graph.value_info[:]
    width, height = size
    for value, channels in ((graph.input[0], 3), (graph.output[0], 1)):
        for dim, number in zip(value.type.tensor_type.shape.dim, (1, channels, height, width), strict=True):
            dim.dim_value = number
    return cast(bytes, model.SerializeToString())


def _reason(exc: Exception) -> str:
    """ONNX Runtime's own words, on one line, without its code for them."""
    words = str(exc).split(" : ", 3)[-1] or type(exc).__name__
    return " ".join(words.split())
