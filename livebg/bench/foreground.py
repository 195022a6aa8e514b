"""What taking the old room's colour out of soft edges costs, and how much of the error it takes away.

The truth is known because the composites are made here: people with a soft alpha and known colours, enlarged, before a
wall of one saturated colour. The error is that of the foreground's colour where 1/255 < alpha < 254/255.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.bench.harness import machine
from livebg.compose.foreground import LEAST, Foreground
from livebg.compose.light_wrap import LightWrap
from livebg.errors import SourceError
from livebg.frame import Alpha, Image
from livebg.scale import scaled

WALLS = ((220, 30, 40), (20, 200, 60), (30, 60, 230), (240, 220, 20), (220, 30, 220), (20, 210, 220))
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}

_FOLDERS = ("cutouts200", "grid_key")
_SCALE = 3  # people in these folders are 250 to 290 pixels high


class _Known(NamedTuple):
    image: Image
    alpha: Alpha
    subject: Image


def bench_foreground(
    people: Path,
    *,
    count: int = 20,
    rounds: int = 40,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Time the estimate and judge it.

    Args:
        people: A folder with ``cutouts200`` and ``grid_key``, each with ``fg`` (colours) and ``masks`` (alpha, 8 bits).
        count: People a folder, spread evenly over it.
        rounds: Calls timed a size; the least counts.
        device: Where the estimate on tensors is timed as well, like ``cuda``.
        progress: Told about each finished part.

    Returns:
        A JSON object: ``machine``; ``cost``, by size, with the band's share of the picture and milliseconds, by the
        clock and of processor time, of ``estimate`` and ``light_wrap``; ``error``, by folder, as mean absolute
        difference in steps of 255 without and with the estimate, and the reduction in percent, plain and weighted with
        alpha.

    Raises:
        SourceError: The folder does not hold such pairs.
    """
    tell = progress or (lambda line: None)
    error = {}
    for folder in _FOLDERS:
        error[folder] = _judged(_composites(people / folder, count))
        tell(f"{folder}: error in the band lower by {error[folder]['reduction_percent']} %")
    person = _composites(people / _FOLDERS[1], 1)[0]
    cost: dict[str, dict[str, float]] = {}
    for name, size in SIZES.items():
        case = _Known(scaled(person.image, *size), scaled(person.alpha, *size), scaled(person.subject, *size))
        cost[name] = _timed_cpu(case, rounds)
        if device is not None:
            cost[name][f"{device}_ms"] = _timed_torch(case, rounds, device)
        tell(f"{name}: {cost[name]}")
    return {
        "benchmark": "foreground",
        "machine": machine(),
        "threads": cv2.getNumThreads(),
        "cost": cost,
        "error": error,
    }


def _composites(folder: Path, count: int) -> list[_Known]:
    masks = sorted((folder / "masks").glob("*.png"))
    if not masks:
        raise SourceError(f"{folder / 'masks'} holds no PNG: give a folder with cutouts200 and grid_key")
    found = []
    for index in range(count):
        mask = masks[index * len(masks) // count]
        alpha = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
        subject = cv2.imread(str(folder / "fg" / f"{mask.stem}.jpg"), cv2.IMREAD_COLOR_RGB)
        if alpha is None or subject is None or alpha.shape != subject.shape[:2]:
            raise SourceError(f"{mask} and {mask.stem}.jpg in fg are no pair: fetch the data again")
        size = _SCALE * alpha.shape[1], _SCALE * alpha.shape[0]
        share = scaled(alpha.astype(np.float32) / np.float32(255), *size)
        colours = scaled(subject.astype(np.uint8), *size)
        wall = np.array(WALLS[index % len(WALLS)], np.float32)
        mixed = share[..., None] * colours + (1 - share[..., None]) * wall
        found.append(_Known(np.rint(mixed).astype(np.uint8), share, colours))
    return found


def _judged(cases: list[_Known]) -> dict[str, float]:
    foreground = Foreground()
    before = np.mean([_errors(case.image, case) for case in cases], axis=0)
    after = np.mean([_errors(foreground.estimate(case.image, case.alpha), case) for case in cases], axis=0)
    gain = 100 * (1 - after / before)
    return {
        "people": len(cases),
        "without": round(float(before[0]), 2),
        "with": round(float(after[0]), 2),
        "reduction_percent": round(float(gain[0]), 1),
        "weighted_without": round(float(before[1]), 2),
        "weighted_with": round(float(after[1]), 2),
        "weighted_reduction_percent": round(float(gain[1]), 1),
    }


def _errors(image: Image, case: _Known) -> tuple[float, float]:
    band = _band(case.alpha)
    off = np.abs(image[band].astype(np.float64) - case.subject[band]).mean(axis=1)
    return float(off.mean()), float(np.average(off, weights=case.alpha[band]))


def _band(alpha: Alpha) -> NDArray[np.bool_]:
    return (alpha > LEAST) & (alpha < 1 - LEAST)


def _timed_cpu(case: _Known, rounds: int) -> dict[str, float]:
    foreground, light = Foreground(), LightWrap(0.5)
    cost = {"band_percent": round(100 * float(_band(case.alpha).mean()), 2)}
    calls: dict[str, Callable[[], object]] = {
        "estimate": lambda: foreground.estimate(case.image, case.alpha),
        "light_wrap": lambda: light.wrap(case.image, case.alpha, case.subject),
    }
    for name, call in calls.items():
        clock, cpu = _least(call, rounds)
        cost |= {f"{name}_ms": round(clock, 2), f"{name}_cpu_ms": round(cpu, 2)}
    return cost


def _timed_torch(case: _Known, rounds: int, device: str) -> float:
    import torch

    from livebg.compose.foreground_torch import TorchForeground

    foreground = TorchForeground()
    image, alpha = (torch.from_numpy(plane).to(device) for plane in (case.image, case.alpha))

    def call() -> None:
        foreground.estimate(image, alpha)[0, 0, 0].item()  # waits for the device

    return round(_least(call, rounds)[0], 2)


def _least(call: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Least milliseconds of a call, by the clock and of processor time; the first call is not counted."""
    call()
    clock, cpu = [], []
    for _ in range(rounds):
        started, worked = perf_counter(), process_time()
        call()
        cpu.append(1e3 * (process_time() - worked))
        clock.append(1e3 * (perf_counter() - started))
    return min(clock), min(cpu)
