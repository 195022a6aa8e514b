"""How late, how steady, how much: the figures of a live run, counted in memory of a fixed size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter
from typing import Literal

import numpy as np

Kind = Literal["fresh", "repeats", "slate"]

COUNTS = ("captured", "drops", "fresh", "repeats", "slate", "missed", "carried", "segmented", "errors")
"""What is counted from the start on; ``Statistics`` says what each means."""

_STEP = 0.00025  # seconds a bin
_BINS = 40_000  # ten seconds; what is longer counts as that
_BOUNDS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram as Prometheus has it: how many lasted up to so many seconds, the sum of all, and how many in all."""

    up_to: dict[float, int]
    sum: float
    count: int


class Histogram:
    """Durations in bins of a quarter of a millisecond, so that hours take no more room than a second."""

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)

    def add(self, seconds: float) -> None:
        """Count one duration; under 0 counts as 0, over ten seconds as ten."""
        self._bins[min(max(int(seconds / _STEP), 0), _BINS - 1)] += 1

    def milliseconds(self) -> dict[str, float | None]:
        """p50, p95 and p99 in milliseconds, each the upper end of its bin; ``None`` where nothing was counted."""
        total = np.cumsum(self._bins)
        if total[-1] == 0:
            return dict.fromkeys(_QUANTILES)
        return {
            name: round((int(np.searchsorted(total, share * total[-1])) + 1) * _STEP * 1000, 2)
            for name, share in _QUANTILES.items()
        }

    def buckets(self) -> Buckets:
        """Cumulated, for Prometheus."""
        total = np.cumsum(self._bins)
        middles = (np.arange(_BINS) + 0.5) * _STEP
        return Buckets(
            {bound: int(total[round(bound / _STEP) - 1]) for bound in _BOUNDS},
            float(self._bins @ middles),
            int(total[-1]),
        )

    def clear(self) -> None:
        """Forget all."""
        self._bins[:] = 0


class Statistics:
    """Counted by every thread of a live run, read once a second.

    A line holds, as JSON-able values:

    - ``seconds``: since the start;
    - ``fps_in``: frames a second that the camera gave, used or not; ``fps_out``: frames a second that were written;
      ``fps_fresh``: those among them that were new;
    - ``latency_ms``, ``mask_age_ms``: p50, p95, p99 from a frame's capture, and from the capture of the frame that its
      matte was segmented from, to the end of its writing; a repeated frame's count from its own capture;
    - counts since the start: ``captured``, ``drops`` (captured and never looked at), ``fresh``, ``repeats``, ``slate``
      (written, by kind), ``missed`` (fresh frames that did not come in their period, which is the output's or that of a
      slower camera; from the first one on, pauses aside), ``segmented`` (runs of the network), ``carried`` (fresh
      frames whose matte came from an earlier one), ``errors``;
    - ``stages_ms``: mean milliseconds a call of each stage;
    - ``rss_mb``: resident memory, 10^6 bytes, as ``resident_mb`` says.

    Rates, percentiles and stages are of the time since the last ``recent()``; of the whole run in ``whole()``.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._started = self._since = monotonic()
        self._counts = dict.fromkeys(COUNTS, 0)
        self._counts_before = dict(self._counts)
        self._latency, self._latency_now = Histogram(), Histogram()
        self._age, self._age_now = Histogram(), Histogram()
        self._stages: dict[str, list[float]] = {}
        self._stages_now: dict[str, list[float]] = {}

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of the counts that a line holds."""
        with self._lock:
            self._counts[name] += number

    def written(self, kind: Kind, latency: float | None, age: float | None) -> None:
        """Count one frame written, with its seconds since capture and its matte's, where it is no slate."""
        with self._lock:
            self._counts[kind] += 1
            if latency is not None and age is not None:
                for each, seconds in (
                    (self._latency, latency),
                    (self._latency_now, latency),
                    (self._age, age),
                    (self._age_now, age),
                ):
                    each.add(seconds)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one call of a stage."""
        started = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - started
            with self._lock:
                for stages in (self._stages, self._stages_now):
                    entry = stages.setdefault(name, [0.0, 0])
                    entry[0] += seconds
                    entry[1] += 1

    def recent(self) -> dict[str, object]:
        """The figures since the last call; see the class."""
        with self._lock:
            line = self._line(self._since, self._counts_before, self._latency_now, self._age_now, self._stages_now)
            self._latency_now.clear()
            self._age_now.clear()
            self._stages_now = {}
            self._counts_before, self._since = dict(self._counts), monotonic()
            return line

    def whole(self) -> dict[str, object]:
        """The figures of the whole run so far; see the class."""
        with self._lock:
            return self._line(self._started, dict.fromkeys(COUNTS, 0), self._latency, self._age, self._stages)

    def histograms(self) -> dict[str, Buckets]:
        """The whole run's ``latency`` and ``mask_age``, for Prometheus."""
        with self._lock:
            return {"latency": self._latency.buckets(), "mask_age": self._age.buckets()}

    def _line(
        self,
        since: float,
        before: dict[str, int],
        latency: Histogram,
        age: Histogram,
        stages: dict[str, list[float]],
    ) -> dict[str, object]:
        now = monotonic()
        seconds = max(now - since, 1e-6)
        rate = {name: (number - before[name]) / seconds for name, number in self._counts.items()}
        return {
            "seconds": round(now - self._started, 3),
            "fps_in": round(rate["captured"] + rate["drops"], 2),
            "fps_out": round(rate["fresh"] + rate["repeats"] + rate["slate"], 2),
            "fps_fresh": round(rate["fresh"], 2),
            "latency_ms": latency.milliseconds(),
            "mask_age_ms": age.milliseconds(),
            **self._counts,
            "stages_ms": {name: round(1000 * spent / calls, 3) for name, (spent, calls) in stages.items()},
            "rss_mb": None if (resident := resident_mb()) is None else round(resident, 1),
        }


def resident_mb() -> float | None:
    """This process's resident memory in 10^6 bytes; its peak where the system tells only that, ``None`` on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
