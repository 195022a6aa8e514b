"""What computes the network: one protocol, one file a runtime, and the choice between them.

Nothing is replaced silently: what was asked for and is not there is an error that lists what is, and what ``auto``
chose stands in the description, with the reason where a GPU is present and cannot be used.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

from livebg.errors import DeviceError, UsageError
from livebg.segment.runtimes import devices
from livebg.segment.runtimes.devices import available

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from livebg.segment.metadata import Stated

# ImageNet's mean and deviation for RGB in [0, 1], with which U²-Net is trained.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# As 8-bit values: normalised = value * SCALE + SHIFT.
SCALE = tuple(1 / (255 * deviation) for deviation in DEVIATION)
SHIFT = tuple(-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True))

PUBLISHED_SIZE = (320, 320)


RuntimeName = Literal["onnx", "openvino", "torch"]
Precision = Literal["full", "half", "int8"]
"""What the network's products are computed in: float32; float16 on CUDA and bfloat16 on a CPU; whole numbers."""

__all__ = ["Choice", "Precision", "Runtime", "available", "choose", "open_runtime"]


class Runtime(Protocol):
    """Scores pictures of the model's size on one device."""

    @property
    def name(self) -> str:
        """``onnx``, ``openvino`` or ``torch``."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda:0``, ``mps``."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures it takes."""

    @property
    def stated(self) -> Stated:
        """What the file says of itself."""

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""

    @property
    def description(self) -> str:
        """For people: «ONNX Runtime on the CPU (2 threads)»."""

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's fused score.

        Args:
            pictures: RGB, uint8 (N, h, w, 3) of ``size``, by torch of any. They go to the device as they are, a
                quarter of the bytes of normalised ones; normalising is the runtime's part.

        Returns:
            float32 (N, h, w), in [0, 1] unless the network is damaged.

        Raises:
            DeviceError: Out of memory, or the device failed.
        """


@dataclass(frozen=True, slots=True)
class Choice:
    """What will compute, and in what; ``note`` says why a GPU that is there will not, else it is empty."""

    runtime: RuntimeName
    device: str
    precision: Precision = "full"
    note: str = ""


def choose(
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "auto",
    *,
    onnx_file: bool = True,
    holds: Collection[Precision] = (),
) -> Choice:
    """Which runtime computes, where, and in what.

    ``auto`` takes CUDA before MPS before the CPU, and torch on a GPU. On a CPU it takes the quickest that
    ``holds``: half precision by OpenVINO where that is installed and the CPU multiplies it; whole numbers by ONNX
    Runtime where the CPU gains by them; full precision, by OpenVINO where it is installed. torch is imported only where
    a GPU may be (see ``devices``) or was asked for.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        runtime: ``auto``, ``torch``, ``onnx`` or ``openvino``.
        precision: ``auto``, ``full``, ``half`` or ``int8``.
        onnx_file: Whether the weights are an ONNX file; torch reads all kinds, the others only that.
        holds: Lower precisions in which the model's IoU was measured to stay within 0.002, on a CPU.

    Raises:
        UsageError: No such word.
        DeviceError: It is not there, or does not compute so; the text lists what is.
    """
    _require_word("runtime", runtime, ["auto", *get_args(RuntimeName)])
    _require_word("precision", precision, ["auto", *get_args(Precision)])
    if not re.fullmatch(r"cuda:\d+", device):
        _require_word("device", device, ["auto", "cpu", "cuda", "cuda:0", "mps"])
    on_cpu_alone = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}.get(runtime)
    if on_cpu_alone and not onnx_file:
        raise UsageError(f"{on_cpu_alone} reads .onnx files alone: choose runtime torch or auto for these weights")
    if on_cpu_alone and device not in ("auto", "cpu"):
        raise DeviceError(f"{on_cpu_alone} computes on the CPU alone here, not on {device}: {_there_is()}")
    note = ""
    if device == "auto":
        device, note = ("cpu", "") if on_cpu_alone else _best_device()
    elif device == "mps":
        _require_there(device, devices.mps_problem())
    elif device != "cpu":
        device = "cuda:0" if device == "cuda" else device
        _require_there(device, devices.cuda_problem(int(device.removeprefix("cuda:"))))
    if device == "cpu" and onnx_file and runtime != "torch":
        return _on_cpu(runtime, precision, holds, note)
    if precision == "int8":
        raise DeviceError(
            f"int8 is computed by ONNX Runtime on the CPU alone, not by torch on {device}: "
            "choose precision full or auto"
        )
    if device.startswith("cuda"):
        return Choice("torch", device, "full" if precision == "full" else "half", note)
    if precision == "half":
        raise DeviceError(
            f"half precision is computed on CUDA, and by OpenVINO on a CPU, not by torch on {device}: "
            "choose precision full or auto"
        )
    return Choice("torch", device, "full", note)


def _on_cpu(runtime: str, precision: str, holds: Collection[Precision], note: str) -> Choice:
    """The choice on a CPU for an ONNX file, torch left aside."""
    there = devices.openvino_version() is not None
    if not there and (runtime == "openvino" or (runtime == "auto" and precision == "half")):
        what = "half precision on a CPU is" if precision == "half" else "runtime openvino is"
        raise DeviceError(f"{what} computed by OpenVINO, which is not installed: pip install 'livebg[openvino]'")
    if runtime == "onnx" and precision == "half":
        raise DeviceError(
            "half precision is computed by OpenVINO on a CPU, not by ONNX Runtime: choose runtime openvino or auto"
        )
    if runtime == "openvino" and precision == "int8":
        raise DeviceError("int8 is computed by ONNX Runtime, not by OpenVINO: choose runtime onnx or auto")
    if precision == "half":
        if not _openvino().halves_multiply():
            raise DeviceError("this CPU does not multiply in half precision: choose precision full or auto")
        return Choice("openvino", "cpu", "half", note)
    lower = holds if precision == "auto" else ()
    if "half" in lower and there and runtime != "onnx" and _openvino().halves_multiply_fast():
        return Choice("openvino", "cpu", "half", note)
    if precision == "int8" or ("int8" in lower and runtime != "openvino" and _bytes_multiply_fast()):
        return Choice("onnx", "cpu", "int8", note)
    return Choice("openvino" if there and runtime != "onnx" else "onnx", "cpu", "full", note)


def _openvino() -> ModuleType:
    """The file that adapts it."""
    try:
        from livebg.segment.runtimes import openvino
    except (ImportError, OSError) as exc:
        raise DeviceError(
            f"OpenVINO {devices.openvino_version()} is installed and cannot be imported, {exc}: install it anew, or "
            "choose runtime onnx"
        ) from exc
    return openvino


def _bytes_multiply_fast() -> bool:
    from livebg.segment.runtimes import products

    return products.bytes_multiply_fast()


def open_runtime(
    path: Path,
    choice: Choice,
    *,
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    lanes: int = 1,
) -> Runtime:
    """Load weights into the runtime that was chosen.

    Args:
        path: ``.onnx``, ``.pth`` or ``.safetensors``; for int8 the file in whole numbers.
        choice: From ``choose``. Half precision on CUDA only on devices that gain by it.
        size: Width and height of the model's input; ``None`` is the file's own, 320x320 where it does not say.
        threads: CPU threads for one picture; ``None`` leaves it to the runtime. torch keeps one number for the whole
            process, so there it holds for everybody.
        lanes: Threads that may call ``scores`` at once, by ONNX Runtime and OpenVINO; torch takes one.

    Raises:
        WeightsError: The file is missing, damaged or not a U²-Net.
        DeviceError: Out of memory, or the device failed.
    """
    half = choice.precision == "half"
    if choice.runtime == "onnx":
        from livebg.segment.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(path, size=size, threads=threads, lanes=lanes)
    if choice.runtime == "openvino":
        adapter = _openvino()
        return cast(Runtime, adapter.OpenVinoRuntime(path, size=size, threads=threads, lanes=lanes, half=half))
    from livebg.segment.runtimes.torch import TorchRuntime

    return TorchRuntime(path, choice.device, size=size, threads=threads, half=half)


def _best_device() -> tuple[str, str]:
    notes = []
    count, problem = devices.cuda_driver()
    if count:
        problem = devices.cuda_problem(0)
        if problem is None:
            return "cuda:0", ""
    if problem is not None:
        notes.append(f"the NVIDIA GPU is not used: {problem}")
    if devices.is_apple_silicon():
        problem = devices.mps_problem()
        if problem is None:
            return "mps", ""
        notes.append(f"the Apple GPU is not used: {problem}")
    return "cpu", "; ".join(notes)


def _require_there(device: str, problem: str | None) -> None:
    if problem is not None:
        raise DeviceError(f"{device} cannot be used, {problem}: {_there_is()}")


def _there_is() -> str:
    return "there is " + ", ".join(each.name for each in available() if each.there)


def _require_word(what: str, word: str, words: list[str]) -> None:
    if word not in words:
        near = difflib.get_close_matches(word, words, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UsageError(f"there is no {what} {word!r}{hint}: choose {', '.join(words)}")
