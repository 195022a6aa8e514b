"""Frames into mattes: the stage around the network.

Why 255 and not the picture's brightest value: the authors' code divides each picture by its maximum. In a dark clip
that maximum flickers with the noise and with every lamp that comes into view, and the matte with it; a black frame
divides by zero. Over pictures with a white pixel both are the same: on 25 of ECSSD the scores differ by 0.05/255 in the
mean and IoU by 0.0001. For figures that stand beside published ones ``normalise="minmax"`` divides as they did: on 100
pictures of ECSSD that moves u2netp's maximum F from .9605 to .9623.

Why area averaging on the way down: bilinear sampling skips pixels once a frame is more than twice the model's size, and
what it skips flickers. On a walk at 854x480 (DAVIS lucia) IoU is .88 with averaging and .81 without; near the model's
size both are alike.
"""

from __future__ import annotations

import difflib
import os
import reprlib
from functools import partial
from numbers import Integral
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, get_args

import cv2
import numpy as np

from livebg import weights
from livebg.errors import DeviceError, StageError, UsageError, WeightsError
from livebg.frame import Frame, Image, Matte
from livebg.limits import LARGEST, SMALLEST
from livebg.scale import input_sizes, scale_into
from livebg.segment.alpha import AlphaMode, Normalise, score_to_alpha
from livebg.segment.metadata import in_words
from livebg.segment.published import published_network
from livebg.segment.runtimes import Precision, choose, open_runtime
from livebg.segment.runtimes.adapting import Lanes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from livebg.segment.runtimes import Runtime
    from livebg.segment.subjects import Subjects

SUFFIXES = (".onnx", ".pth", ".safetensors")
PACKAGED = Path(__file__).with_name("weights")
INT8 = ".int8.onnx"
Doubtful = Literal["drop", "keep"]
_MOST_PIXELS = 512 * 512  # of an input; at 1024x1024 each lane of u2netp holds 4.5 GB
_PRECISIONS = {"full": "full precision", "half": "half precision", "int8": "int8"}


class Segmenter:
    """U²-Net on single frames. Keeps nothing between them but buffers.

    Attributes:
        model: The name it was asked for, or the file's.
        size: Width and height that frames are squashed to.
        sizes: The same in words, and what upright frames get: «448x336/384x384».
        runtime: ``onnx``, ``openvino`` or ``torch``.
        device: ``cpu``, ``cuda:0``, ``mps``.
        precision: ``full``, ``half`` or ``int8``: what it computes in.
        lanes: Threads that may call it at once; others wait.
        description: For people: «u2netp 320x320 in full precision by ONNX Runtime on the CPU (2 threads)».
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "people",
        *,
        size: int | tuple[int, int] | None = None,
        alpha: AlphaMode = "matte",
        subjects: Subjects = "all",
        doubtful: Doubtful = "drop",
        coarse: bool = False,
        normalise: Normalise = "none",
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        lanes: int = 1,
    ) -> None:
        """Load a model; a published one is fetched first where it is not in the cache.

        Args:
            model: A name (``people``, ``u2netp``, ...) or the path of a U²-Net checkpoint (``.onnx``, ``.pth``,
                ``.safetensors``).
            size: What frames are squashed to: N for NxN as published, (W, H), or ``None`` for the model's own. One that
                is not square is turned for frames that are upright where it lies, and the other way round; a model
                may have an own size for upright ones (``people``: 384x384).
            alpha: ``matte`` makes a clean alpha of the score (see ``alpha.py``), ``raw`` gives the score as it is.
            subjects: With ``matte``, which are kept: ``all``, the ``largest``, or the N largest.
            doubtful: With ``matte``, ``drop`` lets fade what a network that was trained on empty scenes too (people,
                people-nano) is not sure of; ``keep`` keeps it, as of other networks.
            coarse: Mattes stay at the model's size, spanning the whole frame, for a refiner to bring up.
            normalise: ``minmax`` does as published evaluations do: each picture is divided by its brightest value, and
                each map stretched over [0, 1].
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            runtime: ``auto``, ``torch``, ``onnx`` or ``openvino``.
            precision: ``full``; ``half``, on CUDA, or by OpenVINO on a CPU that multiplies it; ``int8``, by ONNX
                Runtime on a CPU (NAME.int8.onnx beside NAME.onnx; that of a published network is made at first use); or
                ``auto``, the fastest: half on CUDA; on a CPU half or int8 where the model loses nothing by it.
            threads: CPU threads for one frame; ``None`` leaves it to the runtime, or shares the cores among lanes.
            lanes: Threads that may call ``segment`` at once. Each frame takes longer than alone, all together less
                (see ``SegmentAhead``). It is one by torch, and where ``size`` is so large that memory counts.

        Raises:
            UsageError: A word or number that is not allowed, a name misspelt; there is no int8 file.
            WeightsError: The weights are missing, damaged or not a U²-Net.
            DeviceError: The device or runtime is not there, or too small.
        """
        _require_word("alpha", alpha, get_args(AlphaMode))
        _require_word("doubtful", doubtful, get_args(Doubtful))
        _require_word("normalise", normalise, get_args(Normalise))
        if subjects not in ("all", "largest") and (
            not isinstance(subjects, int) or isinstance(subjects, bool) or subjects < 1
        ):
            raise UsageError(f"subjects must be all, largest or a number from 1, got {subjects!r}")
        if threads is not None:
            _require_count("threads", threads)
        _require_count("lanes", lanes)
        wanted = None if size is None else _checked_size(size)
        path = find_model(model)
        self._alpha: AlphaMode = alpha
        self._subjects: Subjects = subjects
        self._coarse = coarse
        self._normalise: Normalise = normalise
        made, whole = published_network(path), path.with_suffix(INT8)
        if path.name.endswith(INT8):
            whole, precision = path, "int8" if precision == "auto" else precision
            if precision != "int8":
                raise UsageError(f"{path.name} is in whole numbers: choose precision int8 or auto")
        holds: frozenset[Precision] = frozenset()
        if made is not None:
            holds = made.holds
        elif whole.is_file():
            holds = frozenset({"half", "int8"}) if path.parent == PACKAGED else frozenset({"int8"})
        choice = choose(device, runtime, precision, onnx_file=path.suffix.lower() == ".onnx", holds=holds)
        self.model = path.name if path == Path(model) else str(model)
        if choice.precision == "int8":
            path = whole if made is None else made.ensure()
            if not path.is_file():
                raise UsageError(f"there is no {path.name}: for this model choose precision full or auto")
        elif choice.runtime == "torch" and path.parent == PACKAGED:
            path = path.with_suffix(".safetensors")  # the same numbers, and torch reads them without the onnx package
        large = wanted is not None and wanted[0] * wanted[1] > _MOST_PIXELS
        self.lanes = 1 if choice.runtime == "torch" or large else lanes
        self._open = partial(open_runtime, path, choice, threads=threads, lanes=self.lanes)
        self._runtime = self._open(size=wanted)
        self.size = self._runtime.size
        self.runtime = self._runtime.name
        self.device = self._runtime.device
        if precision == "half" and not self._runtime.half:
            raise DeviceError(f"{self._runtime.description} gains nothing by half precision: choose full or auto")
        self.precision: Precision = "int8" if choice.precision == "int8" else "half" if self._runtime.half else "full"
        self._sizes = input_sizes(self.size, self._runtime.stated.upright if wanted is None else None)
        both = dict.fromkeys((self.size, *self._sizes))
        self.sizes = "/".join(map(in_words, both))
        said = "" if choice.runtime == "torch" else f" in {_PRECISIONS[self.precision]}"
        self.description = f"{self.model} {self.sizes}{said} by {self._runtime.description}"
        if choice.note:
            self.description += f"; {choice.note}"
        self._sure = doubtful == "drop" and self._runtime.stated.empties and normalise == "none"
        self._opening = Lock()
        self._inputs = {self.size: _Input(self._runtime, self.size, self.lanes)}

    def segment(self, frame: Frame | Image) -> Matte:
        """The matte of one frame.

        Args:
            frame: A ``Frame``, or its picture alone: RGB uint8 (H, W, 3), contiguous, of any size.

        Returns:
            Alpha of the frame's size, or of the model's where ``coarse`` was asked for.

        Raises:
            ValueError: Not such a picture.
            DeviceError: The runtime failed (out of memory, device lost).
            StageError: The network gave values that are not finite.
            WeightsError: The file is gone before the first picture that needs its size turned.
        """
        return self.segment_batch([frame])[0]

    def segment_batch(self, frames: Sequence[Frame | Image]) -> list[Matte]:
        """The mattes of several frames in one call of the runtime; sizes may differ. See ``segment``."""
        checked = [_checked(frame) for frame in frames]
        sizes = [self._size_for(frame) for frame in checked]
        mattes: dict[int, Matte] = {}
        for size in dict.fromkeys(sizes):
            of_this = [index for index, each in enumerate(sizes) if each == size]
            scores = self._scores([checked[index] for index in of_this], size)
            mattes |= {index: self._matte(checked[index], score) for index, score in zip(of_this, scores, strict=True)}
        return [mattes[index] for index in range(len(checked))]

    def _size_for(self, frame: Frame) -> tuple[int, int]:
        """Why not one for all: at 448x336 a face in a picture of 3:4 is squashed to 1.8 times its width."""
        return self._sizes.of(float(frame.width * frame.pixel_aspect), frame.height)

    def _scores(self, frames: Sequence[Frame], size: tuple[int, int]) -> NDArray[np.float32]:
        """The network's scores of frames, (N, h, w) at an input size."""
        with self._opening:
            if size not in self._inputs:  # the first upright frame: not everybody has one
                runtime = self._runtime if self.runtime == "torch" else self._open(size=size)
                self._inputs[size] = _Input(runtime, size, self.lanes)
            found = self._inputs[size]
        with found.pictures.one() as pictures:
            if len(frames) != 1:
                pictures = np.empty((len(frames), *pictures.shape[1:]), np.uint8)
            for frame, picture in zip(frames, pictures, strict=True):
                scale_into(frame.at_least(*size), picture)
                if self._normalise == "minmax":
                    _stretch_to_white(picture)
            scores = found.runtime.scores(pictures)
        if not np.isfinite(scores).all():
            raise StageError(f"{self.description} gave a score that is not a number: the frame is not shown")
        return scores

    def _matte(self, frame: Frame, score: NDArray[np.float32]) -> Matte:
        size = score.shape[::-1] if self._coarse else (frame.width, frame.height)
        alpha = score_to_alpha(
            score, size, mode=self._alpha, subjects=self._subjects, sure=self._sure, normalise=self._normalise
        )
        return Matte(alpha)

    def reset(self) -> None:
        """Nothing is kept between frames."""


class _Input:
    """A runtime at one size of picture, and the pictures that it is given."""

    def __init__(self, runtime: Runtime, size: tuple[int, int], lanes: int) -> None:
        self.runtime = runtime
        self.pictures = Lanes(np.empty((1, size[1], size[0], 3), np.uint8) for _ in range(lanes))


def find_model(model: str | os.PathLike[str]) -> Path:
    """The weights file of a model: packaged with livebg, or published, and then fetched where it is not in the cache.

    Raises:
        UsageError: Neither a name nor a path.
        WeightsError: No such file, or not one of a kind that can be read; or it could not be fetched.
    """
    if not isinstance(model, str | os.PathLike):
        raise UsageError(f"model must be a name or the path of a checkpoint, got {reprlib.repr(model)}")
    packaged = packaged_models()
    if isinstance(model, str) and model in packaged:
        return packaged[model]
    published = weights.names(use="segment")
    if isinstance(model, str) and model in published:
        return weights.ensure(model)
    names = [*packaged, *published]
    path = Path(model)
    looks_like_path = not isinstance(model, str) or path.suffix.lower() in SUFFIXES or len(path.parts) > 1
    if not looks_like_path and not path.is_file():
        near = difflib.get_close_matches(str(model), names, n=2, cutoff=0.4)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise UsageError(
            f"there is no model {str(model)!r}{hint}: choose {', '.join(names)} or the path of a checkpoint"
        )
    if not path.is_file():
        raise WeightsError(
            f"there is no weights file {path}: give the path of a U²-Net checkpoint or {', '.join(names)}"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise WeightsError(f"{path} is not a kind of weights file that can be read: give {' or '.join(SUFFIXES)}")
    return path


def packaged_models() -> dict[str, Path]:
    """The models that come with livebg, by name, each with its weights in full precision."""
    return {path.stem: path for path in sorted(PACKAGED.glob("*.onnx")) if not path.name.endswith(INT8)}


def _stretch_to_white(picture: NDArray[np.uint8]) -> None:
    """Make a picture's brightest value 255, in place; a black one stays black."""
    brightest = int(picture.max())
    if brightest:
        cv2.convertScaleAbs(picture, dst=picture, alpha=255 / brightest)


def _checked(frame: Frame | Image) -> Frame:
    frame = frame if isinstance(frame, Frame) else Frame(frame)
    if frame.image.ndim != 3 or frame.image.shape[2] != 3 or not frame.image.size:
        raise ValueError(f"a segmenter needs RGB (H, W, 3) with pixels, got {frame.image.shape}")
    return frame


def _require_word(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise UsageError(f"there is no {what} {word!r}: choose {' or '.join(words)}")


def _require_count(what: str, count: int) -> None:
    if not _is_whole(count) or count < 1:
        raise UsageError(f"{what} must be 1 or more, got {reprlib.repr(count)}")


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(_is_whole(side) for side in sides):
        raise UsageError(f"size must be N, a pair (W, H) or None, in whole pixels; got {reprlib.repr(size)}")
    width, height = int(sides[0]), int(sides[1])
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise UsageError(f"size {width}x{height} is out of range: each side from {SMALLEST} to {LARGEST}")
    return width, height
