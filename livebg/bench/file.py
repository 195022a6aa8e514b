"""``livebg bench file``: the whole command on a clip, against the network alone on the same machine in the same run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from livebg import weights
from livebg.bench.harness import Spread, machine, timed
from livebg.frame import Frame, StreamInfo
from livebg.sinks import open_sink

_BUFFER_FRAMES = 24


def bench_file(
    clip: Path,
    *,
    model: str = "u2netp",
    options: Sequence[str] = (),
    rounds: int = 3,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Time ``livebg process`` on a clip and the bare network in turn.

    Args:
        clip: What is processed, to H.264 in mp4 with the default background.
        model: A published network by name; both sides run its own input size.
        options: More options for ``livebg process``.
        rounds: Pairs of runs; the ratio is taken pair by pair.
        progress: Told about each finished run.

    Returns:
        A JSON object: machine, runs, ``ours`` (what computed the mattes), ``ratio`` (whole-command frames per second
        over bare inferences per second), ``cpu_ratio`` (the same by processor time, which other work on the machine
        disturbs less) and ``buffers_1080p`` (our own memory at 1080p with a null sink).
    """
    tell = progress or (lambda line: None)
    network = str(weights.ensure(model))
    runs: list[dict[str, float]] = []
    with TemporaryDirectory(prefix="livebg-bench-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "livebg", "process", str(clip), "-o", str(Path(folder) / "out.mp4")]
        command += ["--model", model, *options, "--overwrite", "--quiet", "--json", str(report)]
        for number in range(rounds):
            whole = timed(command)
            done = json.loads(report.read_text(encoding="utf-8"))
            frames = done["frames"]
            bare_command = [sys.executable, "-m", "livebg.bench.bare", network, str(frames)]
            bare, bare_cpu = map(float, timed(bare_command).stdout.split())
            runs.append(
                {
                    "frames": frames,
                    "whole_fps": round(frames / whole.seconds, 3),
                    "whole_cpu_seconds": round(whole.cpu_seconds, 2),
                    "whole_peak_rss_mb": round(whole.peak_rss_mb, 1),
                    "bare_fps": round(frames / bare, 3),
                    "bare_cpu_seconds": round(bare_cpu, 2),
                    "ratio": round(bare / whole.seconds, 4),
                    "cpu_ratio": round(bare_cpu / whole.cpu_seconds, 4),
                }
            )
            tell(
                f"round {number + 1}: {runs[-1]['whole_fps']:.2f} fps whole, {runs[-1]['bare_fps']:.2f} fps bare, "
                f"ratio {runs[-1]['ratio']:.3f} (by processor time {runs[-1]['cpu_ratio']:.3f})"
            )
        large = Path(folder) / "1080p.mp4"
        _write_1080p(large)
        buffers = json.loads(timed([sys.executable, "-m", "livebg.bench.buffers", str(large), model]).stdout)
        tell(f"our own buffers at 1080p: {buffers['peak_mb']} MB; torch imported: {buffers['torch_imported']}")
    return {
        "benchmark": "file",
        "clip": clip.name,
        "model": model,
        "options": list(options),
        "ours": done["model"],
        "machine": machine(),
        "runs": runs,
        "ratio": Spread.of([run["ratio"] for run in runs]).as_dict(),
        "cpu_ratio": Spread.of([run["cpu_ratio"] for run in runs]).as_dict(),
        "buffers_1080p": buffers,
    }


def _write_1080p(path: Path) -> None:
    """A clip of that size from noise that moves."""
    info = StreamInfo(name=path.name, width=1920, height=1080, time_base=Fraction(1, 25), rate=Fraction(25))
    grain = np.random.default_rng(0).integers(0, 256, (34, 60, 3), dtype=np.uint8)
    picture = cv2.resize(grain, (1920, 1080), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    with open_sink(path, info) as sink:
        for index in range(_BUFFER_FRAMES):
            image = np.roll(picture, 8 * index, axis=1)
            sink.write(Frame(image, Fraction(index, 25), index, Fraction(1, 25)))
        sink.finish()
