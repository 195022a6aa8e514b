from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from livebg.live.late import LateMatte, OwnMatte
from livebg.live.loop import Loop, Parts
from livebg.live.pacer import Pacer
from livebg.live.statistics import Statistics
from livebg.live.view import View
from livebg.sources import Newest
from tests.live.stages import (
    HEIGHT,
    RATE,
    SLATE,
    WIDTH,
    FakeCompositor,
    FakeFraming,
    FakeRefiner,
    FakeSegmenter,
    FakeSink,
    FakeSmoother,
    FakeTracker,
    LiveCamera,
    Poison,
)

STAGES = ("camera", "tracker", "segmenter", "smoother", "refiner", "framing", "compositor", "sink")


@dataclass
class Run:
    """A live run of fakes."""

    loop: Loop
    pacer: Pacer
    sink: FakeSink
    statistics: Statistics
    poisons: dict[str, Poison]
    drafting: LateMatte | OwnMatte
    said: list[str] = field(default_factory=list)


@pytest.fixture
def live_run() -> Iterator[Callable[..., Run]]:
    """Starts runs, and ends them."""
    with ExitStack() as stack:

        def start(
            latency: str = "low",
            *,
            empty: float = 0,
            stale: float = 0.3,
            frames: int | None = None,
            rate: Fraction = RATE,
            broken: str | None = None,
            ended: Callable[[], None] = lambda: None,
        ) -> Run:
            poisons = {name: Poison() for name in STAGES}
            if broken is not None:
                poisons[broken].raises = ValueError("poison")
            said: list[str] = []
            statistics = Statistics()
            sink = FakeSink(poisons["sink"])
            pacer = stack.enter_context(Pacer(sink, RATE, SLATE, statistics, stale=stale, tell=said.append))
            segmenter = FakeSegmenter(poisons["segmenter"])
            drafting = LateMatte(segmenter, statistics) if latency == "low" else OwnMatte(segmenter, None, statistics)
            stack.enter_context(drafting)
            parts = Parts(
                view=View(WIDTH, HEIGHT),
                drafting=drafting,
                tracker=FakeTracker(poisons["tracker"]),
                smoother=FakeSmoother(poisons["smoother"]),
                refiner=FakeRefiner(poisons["refiner"]),
                framing=FakeFraming(poisons["framing"]),
                compositor=FakeCompositor(poisons["compositor"]),
                empty=empty,
            )
            loop = stack.enter_context(
                Loop(
                    lambda: Newest(LiveCamera(poisons["camera"], frames=frames, rate=rate)),
                    parts,
                    pacer,
                    statistics,
                    tell=said.append,
                    ended=ended,
                )
            )
            for poison in poisons.values():
                stack.callback(poison.heal)
            return Run(loop, pacer, sink, statistics, poisons, drafting, said)

        yield start
