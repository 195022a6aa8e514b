"""OpenVINO on the CPU, where it is installed: quicker than ONNX Runtime there, most of all in half precision.

Why beside ONNX Runtime: on a Xeon with AMX a frame of u2net took it 78 ms in bfloat16 and 396 in float32 where ONNX
Runtime took 449, one of ``people`` 18 and 55 where ONNX Runtime took 84, and 31 in whole numbers. Why not in its place:
it is 180 MB, takes .7 s to compile a network, and on processors without AMX whole numbers are quicker.

The graph takes the picture's bytes; normalising is a part of it (``PrePostProcessor``).

Why its cache of compiled networks is not used: it would save .4 s of every start, and finds no damage. With 2,000 bytes
of its file changed, a network gave full alpha, and no error: the room.

Why its reporter is kept out: `import openvino` sends an event to its makers by Google Analytics, unasked, from a thread
that stays. Where the package that does so cannot be imported, OpenVINO takes a stub of its own.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import DeviceError, WeightsError
from livebg.segment.metadata import STATED, stated
from livebg.segment.published import published_network
from livebg.segment.runtimes import DEVIATION, MEAN, PUBLISHED_SIZE
from livebg.segment.runtimes.adapting import Lanes, failure, input_size, on_cpu, threads_each

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: its import fails

import openvino  # noqa: E402
from openvino import frontend  # noqa: E402
from openvino.preprocess import PrePostProcessor  # noqa: E402

from livebg.segment.runtimes.centring import centre  # noqa: E402

if sys.modules["openvino_telemetry"] is None:
    del sys.modules["openvino_telemetry"]  # others may import it; OpenVINO has taken its stub

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Its readers' exceptions have no common ancestor of their own; all else that it raises is a RuntimeError.
_FAILURES: tuple[type[Exception], ...] = (
    frontend.GeneralFailure, frontend.InitializationFailure, frontend.NotImplementedFailure,
    frontend.OpConversionFailure, frontend.OpValidationFailure, RuntimeError, MemoryError,
)  # fmt: skip
# One for as long as the process lives. The plugin for CPUs that each loads gives its thread a stack for signals
# (sigaltstack), and takes it back wrongly where another thread lets the last network go, or where two cores go in the
# order in which they came: the next Ctrl-C was then written over whatever had come to lie there. Seen of 2026.4.
_CORE = openvino.Core()
_BYTES = 255
_FLAGS = Path("/proc/cpuinfo")
_SMALL = 40_000  # pixels


class OpenVinoRuntime:
    """One compiled network. Pictures of a batch go one by one: on a CPU a batch gains nothing and costs memory."""

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int] | None = None,
        threads: int | None = None,
        lanes: int = 1,
        half: bool = False,
    ) -> None:
        self._path, self.half = path, half
        known = published_network(path)
        try:
            model = _read(path)
        except _FAILURES as exc:
            raise WeightsError(f"OpenVINO cannot load {path}: {_reason(exc)}") from exc
        shapes = [_numbers(each.partial_shape) for each in model.inputs]
        own = input_size(path, shapes, len(_numbers(model.output(0).partial_shape)))
        self.stated = stated(path, _about(model))
        self.size = size or own or PUBLISHED_SIZE
        width, height = self.size
        if threads is None and half and width * height <= _SMALL:
            threads = 1  # threads that wait for each other: people-nano took 9.0 ms with one and 11.1 with two
        threads = threads_each(threads, lanes)
        settings = _settings(threads, lanes, half=half)
        try:
            model = _for_bytes(model, self.size)
            if half and known is not None:
                centre(model, known.levels)
            compiled = _CORE.compile_model(model, "CPU", settings)
            self._lanes = Lanes(_lane(compiled, self.size) for _ in range(lanes))
        except _FAILURES as exc:
            raise self._failure(exc) from exc
        self.description = on_cpu("OpenVINO", threads, lanes)

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``Runtime.scores``."""
        scores = np.empty(pictures.shape[:3], np.float32)
        for picture, score in zip(pictures, scores, strict=True):
            with self._lanes.one() as (request, own):
                own[0] = picture
                try:
                    request.infer()
                except _FAILURES as exc:
                    raise self._failure(exc) from exc
                score[:] = request.get_output_tensor(0).data[0, 0]
        return scores

    def _failure(self, exc: Exception) -> DeviceError:
        return failure(f"OpenVINO failed on {self._path.name}", self.size, _reason(exc))


@cache
def halves_multiply() -> bool:
    """Whether OpenVINO multiplies bfloat16 on this CPU; else it would compute in full precision and not say so."""
    return "BF16" in _CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def halves_multiply_fast() -> bool:
    """Whether halves are quicker here than whole numbers by ONNX Runtime: with AMX; so far known on Linux alone.

    With AMX masked, which leaves AVX-512 BF16, a frame of ``people`` took 170 ms in halves, 103 in full precision and
    50 in whole numbers.
    """
    return halves_multiply() and _FLAGS.exists() and "amx_bf16" in _FLAGS.read_text(encoding="utf-8")


def _read(path: Path) -> openvino.Model:
    """By the reader of ONNX alone; ``Core.read_model`` tries all, and some complain on stderr."""
    onnx = frontend.FrontEndManager().load_by_framework("onnx")
    return onnx.convert(onnx.load(path))


def _about(model: openvino.Model) -> dict[str, str]:
    """What the file says of itself, where its reader of ONNX puts that."""
    places = {key: ["framework", key] for key in STATED}
    return {key: model.get_rt_info(place).astype(str) for key, place in places.items() if model.has_rt_info(place)}


def _numbers(shape: openvino.PartialShape) -> list[int | str]:
    """The sides of a shape, one that may vary in words; none where their number may vary."""
    sides = [] if shape.rank.is_dynamic else shape
    return [str(each) if each.is_dynamic else each.get_length() for each in sides]


def _for_bytes(model: openvino.Model, size: tuple[int, int]) -> openvino.Model:
    """The model from RGB bytes (1, h, w, 3) to the fused score alone: the side outputs serve training."""
    width, height = size
    alone = openvino.Model([model.output(0)], model.get_parameters(), "fused")
    alone.reshape([1, 3, height, width])
    steps = PrePostProcessor(alone)
    picture = steps.input()
    picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    picture.model().set_layout(openvino.Layout("NCHW"))
    picture.preprocess().convert_element_type(openvino.Type.f32).mean([_BYTES * each for each in MEAN]).scale(
        [_BYTES * each for each in DEVIATION]
    )
    return steps.build()


def _lane(compiled: openvino.CompiledModel, size: tuple[int, int]) -> tuple[openvino.InferRequest, NDArray[np.uint8]]:
    """A request, and the picture that it computes."""
    picture = np.empty((1, size[1], size[0], 3), np.uint8)
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(picture, shared_memory=True))
    return request, picture


def _settings(threads: int | None, lanes: int, *, half: bool) -> dict[str, str | int | bool]:
    """For so many pictures at a time, each as quickly as may be.

    Threads are not pinned: two networks of one thread each, in one process or two, would share the first core.
    """
    settings: dict[str, str | int | bool] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": lanes,
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "ENABLE_CPU_PINNING": False,
    }
    return settings if threads is None else {**settings, "INFERENCE_NUM_THREADS": threads * lanes}


def _reason(exc: Exception) -> str:
    """OpenVINO's own words: the last line, behind those that tell where in its source they were said."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[-1] if lines else type(exc).__name__
