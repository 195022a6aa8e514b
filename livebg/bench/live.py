"""``livebg bench live``: a clip played in real time as the camera, a sink that throws away, and what came of it.

Two measures: ``bench_live`` runs the command as a user does, on so many cores, and reads its figures; for a soak it is
given ten minutes. ``carried_iou`` runs the loop in this process, keeps the matte of every frame that was shown, and
compares it with what segmenting that very frame gives.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from threading import Event

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.bench.harness import machine
from livebg.build import open_refiner, open_segmenter
from livebg.config import Config
from livebg.errors import LivebgError
from livebg.frame import Frame, Matte
from livebg.live.loop import Loop
from livebg.live.pacer import Pacer
from livebg.live.session import open_late_segmenter
from livebg.live.statistics import Statistics
from livebg.live.workshop import Workshop
from livebg.scale import fit_into
from livebg.sinks import NullSink
from livebg.sources import open_camera, open_source
from livebg.stages import Compositor, Draft

_SETTLED_SECONDS = 10.0  # after which memory must not grow
_TARGETS = {"missed_share": 0.01, "latency_p95_ms": 60.0, "mask_age_p95_ms": 300.0, "growth_mb": 5.0}


def bench_live(
    clip: Path,
    *,
    seconds: float = 60,
    cores: int | None = 2,
    options: Sequence[str] = ("--config", "live"),
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Run ``livebg live`` on a clip for a while.

    Args:
        clip: The camera, played in real time and looped.
        seconds: How long; more than ten for the memory's growth to mean anything.
        cores: How many processors the run may use; ``None``: all. Linux alone can be told.
        options: Further options of ``livebg live``.
        progress: Told once a second.

    Returns:
        A JSON object: machine, the final line of figures, ``fps_fresh``, ``missed_share`` (of the periods since the
        first fresh frame), ``growth_mb`` (resident memory, most after ten seconds over that at ten seconds), ``cpu``
        (processors used in the mean), ``threads`` and ``files`` (first and last counted), and ``met``: which targets
        were.

    Raises:
        LivebgError: The run failed; the text is what it said last.
    """
    with TemporaryDirectory(prefix="livebg-bench-") as folder:
        stats, said = Path(folder) / "stats.jsonl", Path(folder) / "said"
        command = [sys.executable, "-m", "livebg", "live", *options, "--camera", str(clip), "--virtual-camera", "none"]
        command += ["--duration", str(seconds), "--stats", str(stats), "--control", "none"]
        held: list[tuple[int, int]] = []
        with said.open("w") as errors:
            before = _children_seconds()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
            if cores is not None and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:cores])
            while process.poll() is None:
                held += _held(process.pid)
                if progress is not None and stats.exists():
                    progress((stats.read_text(encoding="utf-8").splitlines() or ["starting"])[-1])
                Event().wait(1.0)
        if process.returncode != 0:
            raise LivebgError(f"livebg live failed: {(said.read_text().strip().splitlines() or ['no word'])[-1]}")
        lines = [json.loads(line) for line in stats.read_text(encoding="utf-8").splitlines()]
    final = lines[-1]
    resident = [line["rss_mb"] for line in lines if line["seconds"] >= _SETTLED_SECONDS and line["rss_mb"] is not None]
    measured = {
        "missed_share": round(final["missed"] / max(final["fresh"] + final["missed"], 1), 4),
        "latency_p95_ms": final["latency_ms"]["p95"],
        "mask_age_p95_ms": final["mask_age_ms"]["p95"],
        "growth_mb": round(max(resident) - resident[0], 1) if resident else None,
    }
    return {
        "benchmark": "live",
        "clip": clip.name,
        "options": list(options),
        "cores": cores,
        "machine": machine(),
        "fps_fresh": final["fps_fresh"],
        **measured,
        "cpu": round((_children_seconds() - before) / final["seconds"], 2),
        "threads": [held[0][0], held[-1][0]] if held else None,
        "files": [held[0][1], held[-1][1]] if held else None,
        "met": {
            name: value is not None and value < _TARGETS[name] for name, value in measured.items() if name in _TARGETS
        },
        "final": final,
    }


def carried_iou(clip: Path, config: Config, *, seconds: float = 20) -> dict[str, float]:
    """How far the mattes that are shown are those that each frame's own segmentation would give.

    Args:
        clip: Played once in real time, at the size that ``config.live`` captures.
        config: Of a live run.
        seconds: How long.

    Returns:
        ``iou`` (mean over the frames shown, alpha over 0.5 against the segmentation of the same frame, refined as it
        is), ``worst`` (its 5th percentile), ``frames``, and ``mask_age_p95_ms`` of the run.
    """
    size = config.live.capture_size or (1280, 720)
    statistics = Statistics()
    ended = Event()
    with open_camera(str(clip), size=size, loop=False) as camera, NullSink() as sink:
        slate = np.zeros((size[1], size[0], 3), np.uint8)
        with Workshop(camera.info, statistics, open_late_segmenter(config)) as workshop:
            parts = workshop.parts(config)
            kept = _Keep(parts.compositor)
            parts = replace(parts, compositor=kept)
            with (
                Pacer(sink, config.live.fps, slate, statistics, stale=float(config.live.stale)) as pacer,
                Loop(lambda: camera, parts, pacer, statistics, camera=camera, ended=ended.set),
            ):
                ended.wait(seconds)
    found = _against_own(clip, config, size, kept.mattes)
    age = statistics.whole()["mask_age_ms"]
    assert isinstance(age, dict)
    return {
        "iou": round(mean(found), 4),
        "worst": round(float(np.percentile(found, 5)), 4),
        "frames": len(found),
        "mask_age_p95_ms": age["p95"],
    }


class _Keep:
    """A compositor that keeps, small, the matte of each frame that goes through it."""

    def __init__(self, inner: Compositor) -> None:
        self._inner = inner
        self.mattes: dict[Fraction, NDArray[np.uint8]] = {}

    def compose(self, frame: Frame, matte: Matte) -> Frame:
        self.mattes[frame.pts] = _small(matte)
        return self._inner.compose(frame, matte)

    def reset(self) -> None:
        self._inner.reset()


def _against_own(
    clip: Path, config: Config, size: tuple[int, int], shown: dict[Fraction, NDArray[np.uint8]]
) -> list[float]:
    """IoU of each matte shown with that of its own frame, segmented and refined on its own."""
    segmenter = open_segmenter(config.segment, coarse=True)
    refiner = open_refiner(config.refine, segmenter.device)
    found = []
    with open_source(clip, side=False) as source:
        for each in source:
            if each.pts in shown:
                frame = each.with_image(fit_into(each.image, *size, "cover"))
                own = _small(refiner.refine(Draft(frame, segmenter.segment(frame))))
                either = np.count_nonzero((own > 127) | (shown[each.pts] > 127))
                both = np.count_nonzero((own > 127) & (shown[each.pts] > 127))
                found.append(both / either if either else 1.0)
    if not found:
        raise LivebgError(f"no frame of {clip} was shown within that time: this machine is too slow or too busy")
    return found


def _small(matte: Matte) -> NDArray[np.uint8]:
    height, width = matte.alpha.shape
    return np.rint(cv2.resize(matte.alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA) * 255).astype(
        np.uint8
    )


def _held(pid: int) -> list[tuple[int, int]]:
    """Threads and open files of a process, where the system tells; nothing where it has ended."""
    try:
        return [(len(list(Path(f"/proc/{pid}/task").iterdir())), len(list(Path(f"/proc/{pid}/fd").iterdir())))]
    except OSError:
        return []


def _children_seconds() -> float:
    """Processor time of the children that have ended."""
    times = os.times()
    return times.children_user + times.children_system
