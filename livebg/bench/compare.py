"""``livebg bench compare``: the same clip through livebg and through what people use today, in turn."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from livebg import weights
from livebg.bench.harness import Spread, machine, timed
from livebg.errors import LivebgError, UsageError

PEERS = ("rembg", "eager", "mediapipe")

_PACKAGES = {"rembg": '"rembg[cpu]" opencv-python-headless', "mediapipe": "mediapipe==0.10.14"}
"""What pip installs for a peer that has an environment of its own."""


def bench_compare(
    clip: Path,
    *,
    peer: str = "rembg",
    python: str = sys.executable,
    model: str | None = None,
    options: Sequence[str] = (),
    rounds: int = 3,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Time ``livebg process`` and a peer's loop on a clip in turn: A B A B.

    Args:
        clip: What both process, to a file.
        peer: ``rembg`` (its session loop), ``eager`` (torch in float32, as published scripts do) or ``mediapipe``
            (selfie segmentation for landscape pictures, what webcam tools for Linux run).
        python: The Python that the peer is installed in; its own environment, since packages of this field overwrite
            each other's OpenCV.
        model: The peer's network, a published one; both read the same file. ``None`` is u2netp; MediaPipe has its own.
        options: More options for ``livebg process``; with neither ``--model`` nor ``--speed`` among them, which chooses
            one, livebg runs ``model`` too, and beside MediaPipe ``people-nano``.
        rounds: Pairs of runs; the ratio is taken pair by pair.
        progress: Told about each finished pair.

    Returns:
        A JSON object: machine, runs, ``ours`` (what computed our mattes), and ``ratio``: our frames a second over the
        peer's, loading not counted.

    Raises:
        UsageError: There is no such peer, it is not installed there, or does not run that network.
    """
    tell = progress or (lambda line: None)
    if peer == "mediapipe" and model is not None:
        raise UsageError(f"mediapipe has its own network and cannot run {model}: leave out --peer-model")
    network = "selfie landscape" if peer == "mediapipe" else model or "u2netp"
    own = own_options(options, "people-nano" if peer == "mediapipe" else network)
    runs: list[dict[str, float]] = []
    with TemporaryDirectory(prefix="livebg-bench-") as folder:
        theirs = _command(peer, python, clip, Path(folder), network)
        report = Path(folder) / "report.json"
        ours = [sys.executable, "-m", "livebg", "process", str(clip), "-o", str(Path(folder) / "out.mp4")]
        ours += [*own, "--overwrite", "--quiet", "--json", str(report)]
        for number in range(rounds):
            whole = timed(ours)
            done = json.loads(report.read_text(encoding="utf-8"))
            other = timed(theirs, {**os.environ, "U2NET_HOME": folder})
            frames, seconds = other.stdout.split()[-2:]
            if int(frames) != done["frames"]:
                raise LivebgError(
                    f"{peer} made {frames} frames of {clip.name}, livebg {done['frames']}: not comparable"
                )
            rate = int(frames) / float(seconds)
            runs.append(
                {
                    "frames": done["frames"],
                    "fps": done["fps"],
                    "cpu_seconds": round(whole.cpu_seconds, 2),
                    "peak_rss_mb": round(whole.peak_rss_mb, 1),
                    "peer_fps": round(rate, 3),
                    "peer_cpu_seconds": round(other.cpu_seconds, 2),
                    "peer_peak_rss_mb": round(other.peak_rss_mb, 1),
                    "ratio": round(done["fps"] / rate, 3),
                }
            )
            tell(f"round {number + 1}: {done['fps']:.2f} fps, {peer} {rate:.2f} fps, ratio {runs[-1]['ratio']:.2f}")
    return {
        "benchmark": "compare",
        "clip": clip.name,
        "peer": peer,
        "peer_model": network,
        "options": own,
        "ours": done["model"],
        "machine": machine(),
        "runs": runs,
        "ratio": Spread.of([run["ratio"] for run in runs]).as_dict(),
    }


def own_options(options: Sequence[str], model: str) -> list[str]:
    """What ``livebg process`` is given: this network too, where the options choose none."""
    chosen = {option.partition("=")[0] for option in options} & {"--model", "--speed"}
    return list(options) if chosen else ["--model", model, *options]


def _command(peer: str, python: str, clip: Path, folder: Path, model: str) -> list[str]:
    """What runs the peer on the clip."""
    if peer not in PEERS:
        raise UsageError(f"there is no peer {peer!r}: choose {', '.join(PEERS[:-1])} or {PEERS[-1]}")
    files = [str(clip), str(folder / "peer.mp4")]
    if peer == "eager":
        return [sys.executable, "-m", "livebg.bench.peers.eager_loop", *files, str(weights.ensure(model)), "cpu"]
    _require(peer, python)
    if peer == "rembg":
        shutil.copy(weights.ensure(model), folder / f"{model}.onnx")
        files.append(model)
    return [python, str(Path(__file__).parent / "peers" / f"{peer}_loop.py"), *files]


def _require(peer: str, python: str) -> None:
    try:
        subprocess.run([python, "-c", f"import {peer}, cv2"], check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as exc:
        raise UsageError(
            f"{peer} is not installed in {python}: make an environment of its own "
            f"(python -m venv PEER; PEER/bin/pip install {_PACKAGES[peer]}) and give --python PEER/bin/python"
        ) from exc
