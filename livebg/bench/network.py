"""``livebg bench network``: the networks alone, through our own runtimes, against what the machine can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from livebg.bench.harness import machine
from livebg.bench.roofline import measure_roof
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.runtimes import choose, open_runtime
from livebg.segment.segmenter import find_model

MODELS = ("people", "people-nano", "u2netp", "u2net")


def bench_network(
    models: Sequence[str] = MODELS,
    *,
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "auto",
    sizes: Sequence[tuple[int, int] | None] = (None,),
    batches: Sequence[int] = (1,),
    rounds: int = 20,
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Time each network at each size and batch.

    Args:
        models: Names or paths.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``.
        runtime: ``auto``, ``torch``, ``onnx``, ``openvino``.
        precision: ``full``, ``half``, or ``auto``: half on CUDA, full on a CPU.
        sizes: Width and height; ``None`` for the model's own.
        batches: Pictures a call.
        rounds: Calls that are timed, after two that warm up.
        threads: Of a CPU runtime; ``None`` leaves it to the runtime.
        progress: Told about each row.

    Returns:
        A JSON object: machine, the roof, and rows with milliseconds a picture (p50, p95, p99, least), pictures a
        second, GFLOP a picture, bytes up and down, and ``roofline``: the least possible time over the least measured.

    Raises:
        LivebgError: A model, runtime or device is not there.
    """
    tell = progress or (lambda line: None)
    rows: list[dict[str, object]] = []
    roof = None
    for model in models:
        path = find_model(model)
        choice = choose(device, runtime, precision, onnx_file=path.suffix == ".onnx")
        file = path.with_suffix(".safetensors") if choice.runtime == "torch" and model in MODELS[:2] else path
        if roof is None:
            half = torch.float16 if choice.device.startswith("cuda") else torch.bfloat16
            roof = measure_roof(choice.device, half if choice.precision == "half" else torch.float32)
        for size in sizes:
            runner = open_runtime(file, choice, size=size, threads=threads)
            flop = _flop(file, runner.size)
            for batch in batches:
                width, height = runner.size
                pictures = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), np.uint8)
                seconds = np.array(_seconds(partial(runner.scores, pictures), rounds)) / batch
                p50, p95, p99 = np.percentile(seconds, (50, 95, 99))
                moved = pictures.nbytes / batch + 4 * width * height
                row: dict[str, object] = {
                    "model": model,
                    "size": f"{width}x{height}",
                    "batch": batch,
                    "runtime": runner.description,
                    "precision": choice.precision,
                    "ms": {name: round(1000 * float(each), 3) for name, each in
                           (("p50", p50), ("p95", p95), ("p99", p99), ("least", seconds.min()))},
                    "pictures_per_second": round(float(1 / p50), 1),
                    "gflop": round(flop / 1e9, 2),
                    "bytes_up_and_down": int(moved),
                    "roofline": round(roof.seconds(flop, moved) / float(seconds.min()), 3),
                }  # fmt: skip
                rows.append(row)
                tell(f"{model} {width}x{height} batch {batch}: {1000 * p50:.2f} ms, {row['roofline']} of the roof")
    return {"benchmark": "network", "machine": machine(), "roof": roof and roof.as_dict(), "rows": rows}


def _seconds(call: Callable[[], object], rounds: int) -> list[float]:
    for _ in range(2):
        call()
    found = []
    for _ in range(rounds):
        started = perf_counter()
        call()
        found.append(perf_counter() - started)
    return found


def _flop(path: Path, size: tuple[int, int]) -> float:
    """Operations of one picture, counted by torch on the same weights."""
    network = load_checkpoint(path).network
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, size[1], size[0]))
    return float(counter.get_total_flops())
