"""Which model and cadence suit this machine: chosen by a short measurement, and said.

``best`` segments every frame with the best network for people. ``balanced`` segments as often as motion asks for it.
``fastest`` takes the small network, too. ``auto`` takes the first of these that keeps up with the stream by what was
measured here: what one frame's segmentation takes, and what everything else about its matte does.

Why measure and not look up: two processors of one name differ by their neighbours, their memory and how many threads
they are lent. The measurement takes about a second and is kept for this machine, these libraries and these weights.

What the user sets stays as it is: the choice fills in only what nobody has said.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache, partial
from importlib.metadata import version
from typing import Literal

import numpy as np

from livebg import weights
from livebg.build import open_compositor, open_matting, open_segmenter, refiner_of
from livebg.config import Config
from livebg.cores import cores
from livebg.frame import Frame, StreamInfo
from livebg.pipeline import run
from livebg.refine import Guided
from livebg.segment.runtimes.devices import openvino_version
from livebg.segment.segmenter import find_model
from livebg.sinks import NullSink
from livebg.stages import Closing
from livebg.whole_file import write_whole

_SIZE = (1280, 720)
_RATE = Fraction(30)
_FRAMES = 4
_ROUNDS = 3
_SPARE = 0.7
"""The share of a frame's time that matte and composition may take: decoding and encoding need the rest."""
_CARRIED = 4
"""Frames that share one segmentation under ``cadence auto``, in the mean over talking heads."""


@dataclass(frozen=True, slots=True)
class Way:
    """A setting, from the best to the fastest."""

    name: Literal["best", "balanced", "fastest"]
    model: str
    cadence: int | Literal["auto"]

    def seconds(self, cost: Cost) -> float:
        """What a frame takes, at a measured cost."""
        return cost.segment / (_CARRIED if self.cadence == "auto" else self.cadence) + cost.rest


WAYS = (Way("best", "people", 1), Way("balanced", "people", "auto"), Way("fastest", "people-nano", "auto"))


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured, in seconds.

    Attributes:
        segment: The network on one frame.
        rest: Motion, smoothing, refinement and composition of one frame of 1280x720: what each frame waits for live.
    """

    segment: float
    rest: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The configuration with what was chosen filled in, and why, as one line."""

    config: Config
    why: str


def choose(config: Config, *, rate: Fraction | None = None) -> Choice:
    """Fill in model and cadence where the configuration leaves them open.

    Args:
        config: What the user set stays; ``segment.speed`` says what is wanted, and where it is ``None`` all stays.
        rate: Frames a second that ``auto`` is to keep up with, live; without it ``auto`` is ``balanced``.

    Raises:
        LivebgError: A network that must be measured cannot be loaded.
    """
    speed = config.segment.speed
    if speed is None:
        return Choice(config, "")
    ways = [_as_set(way, config) for way in WAYS]
    if speed != "auto":
        way, why = next(way for way in ways if way.name == speed), f"--speed {speed}"
    elif rate is None:
        way, why = ways[1], "--speed auto, where no frame rate is to be met"
    else:
        way, why = _first_that_keeps_up(ways, config, rate)
    chosen = config.override({"segment": {"model": way.model}, "smooth": {"cadence": way.cadence}})
    return Choice(chosen, f"{why}: {way.model}, cadence {way.cadence}")


def measured(config: Config, model: str) -> Cost:
    """What a model, by name or path, costs here: from the record of this machine or measured now."""
    file = find_model(model)
    depends_on = [
        version("livebg"), platform.node(), platform.processor(), cores(), file.stat().st_size, version("onnxruntime"),
        openvino_version(),
        config.segment.size, config.segment.device, config.segment.runtime, config.segment.threads,
        config.segment.precision,
        config.smooth.smooth, config.smooth.lookahead, config.refine.model_dump(), config.compose.model_dump(),
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]
    record = weights.store().folder.parent / "speed" / f"{file.stem}-{key}.json"
    with suppress(OSError, ValueError, TypeError):  # not there, not readable, or of another version: measured again
        return Cost(**json.loads(record.read_text(encoding="utf-8")))
    cost = _measure(config, model)
    with suppress(OSError):  # where the cache cannot be written, every start measures anew, and works
        record.parent.mkdir(parents=True, exist_ok=True)
        write_whole(record, json.dumps(asdict(cost)).encode())
    return cost


def _as_set(way: Way, config: Config) -> Way:
    """The way with what the user set in its place."""
    segment, smooth = config.segment, config.smooth
    return replace(
        way,
        model=segment.model if "model" in segment.model_fields_set else way.model,
        cadence=smooth.cadence if "cadence" in smooth.model_fields_set else way.cadence,
    )


def _first_that_keeps_up(ways: Sequence[Way], config: Config, rate: Fraction) -> tuple[Way, str]:
    budget = _SPARE / float(rate)
    cost_of = cache(partial(measured, config))  # several share a model
    for way in ways:
        seconds = way.seconds(cost_of(way.model))
        if seconds <= budget:
            break
    keeps = "keeps up" if seconds <= budget else "comes closest"
    return way, (
        f"--speed auto: a matte takes {seconds * 1000:.0f} ms here, a frame at {float(rate):.4g} fps leaves "
        f"{budget * 1000:.0f}; {way.name} {keeps}"
    )


def _measure(config: Config, model: str) -> Cost:
    """Every frame segmented, all else as in a live run, onto nothing.

    Motion is followed whatever the smoothing, since mattes are carried along it. CascadePSP works beside the stream
    there: what a frame waits for is the guided filter below it.
    """
    plain = config.override({"segment": {"model": model}, "smooth": {"cadence": "auto"}})
    segmenter = open_segmenter(plain.segment, coarse=True)
    beside = refiner_of(plain.refine, segmenter.device) == "cascadepsp"
    matting = replace(open_matting(plain, segmenter, refiner=Guided() if beside else None), cadence=None)
    seconds: list[Cost] = []
    for _ in range(_ROUNDS):  # other work on the machine only ever adds, and the first round warms up
        matting.reset()
        source = _Blocks()
        with open_compositor(plain.compose, source.info) as compositor, NullSink() as sink:
            report = run(source, matting, compositor, sink)
        stages = report.stages
        rest = sum(taken for name, taken in stages.items() if name in ("motion", "smooth", "refine", "compose"))
        seconds.append(Cost(stages["segment"] / report.frames, rest / report.frames))
    return Cost(min(each.segment for each in seconds), min(each.rest for each in seconds))


class _Blocks(Closing):
    """Blocks that move to the right."""

    notes: Sequence[str] = ()
    info = StreamInfo("blocks", *_SIZE, rate=_RATE, frames=_FRAMES)

    def __iter__(self) -> Iterator[Frame]:
        width, height = _SIZE
        blocks = np.random.default_rng(0).integers(0, 256, (height // 40, width // 40, 3), np.uint8)
        image = np.ascontiguousarray(blocks.repeat(40, axis=0).repeat(40, axis=1))
        for index in range(_FRAMES):
            yield Frame(np.roll(image, 4 * index, axis=1), index / _RATE, index, 1 / _RATE)

    def close(self) -> None:
        """Nothing is open."""
