"""``livebg bench``: speed, as ratios within one run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from livebg import weights
from livebg.cli.options import config_options
from livebg.config import Config
from livebg.errors import SinkError

_Command = Callable[..., Any]

_rounds = click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100), help="Pairs of runs.")
_clip = click.argument("clip", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
_json = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the result here, not to stdout."
)

_with = click.option(
    "--with", "options", default="", metavar="OPTIONS", help="More for livebg process: '--model people'."
)


@click.group()
def bench() -> None:
    """Measure speed against a reference timed in the same run. Leave the machine alone meanwhile."""


@bench.command("file")
@_clip
@click.option("--model", default="u2netp", show_default=True, help="A published network by name.")
@_rounds
@_json
@_with
def file_(clip: Path | None, model: str, rounds: int, json_path: Path | None, options: str) -> None:
    """Time the whole of `livebg process CLIP` against ONNX Runtime running the bare network as often.

    CLIP is the demo clip unless given.
    """
    from livebg.bench.file import bench_file

    found = bench_file(
        clip or weights.ensure("demo-clip"), model=model, options=options.split(), rounds=rounds, progress=_tell
    )
    _write(found, json_path)


@bench.command()
@_clip
@click.option("--peer", default="rembg", show_default=True, help="rembg, mediapipe, or eager: torch as scripts run it.")
@click.option("--python", default=sys.executable, help="The Python that the peer is installed in.")
@click.option("--peer-model", help="The peer's network, a published one.  [default: u2netp; mediapipe has its own]")
@_rounds
@_json
@_with
def compare(
    clip: Path | None, peer: str, python: str, peer_model: str | None, rounds: int, json_path: Path | None, options: str
) -> None:
    """Time `livebg process CLIP` and a peer's loop over the same clip in turn.

    CLIP is the demo clip unless given; without --model or --speed among OPTIONS both run the peer's network, and
    people-nano runs beside mediapipe.
    """
    from livebg.bench.compare import bench_compare

    found = bench_compare(
        clip or weights.ensure("demo-clip"),
        peer=peer,
        python=python,
        model=peer_model,
        options=options.split(),
        rounds=rounds,
        progress=_tell,
    )
    _write(found, json_path)


@bench.command()
@click.option("--model", "models", multiple=True, help="Repeatable.  [default: people, people-nano, u2netp, u2net]")
@click.option("--size", "sizes", multiple=True, metavar="WxH", help="Repeatable.  [default: the model's own]")
@click.option(
    "--batch", "batches", multiple=True, default=(1,), type=click.IntRange(1), help="Pictures a call. Repeatable."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--runtime", default="auto", show_default=True, help="auto, onnx, openvino or torch.")
@click.option(
    "--precision", default="auto", show_default=True, type=click.Choice(["auto", "full", "half"]),
    help="auto: half on CUDA, full on a CPU.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="On a CPU.  [default: the runtime's own]")
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(2), help="Calls that are timed.")
@_json
def network(
    models: tuple[str, ...],
    sizes: tuple[str, ...],
    batches: tuple[int, ...],
    device: str,
    runtime: str,
    precision: str,
    threads: int | None,
    rounds: int,
    json_path: Path | None,
) -> None:
    """Time the networks alone, against what the machine can multiply and copy."""
    from livebg.bench.network import MODELS, bench_network

    parsed = [_size(size) for size in sizes]
    found = bench_network(
        models or MODELS, device=device, runtime=runtime, precision=precision, sizes=parsed or [None], batches=batches,
        rounds=rounds, threads=threads, progress=_tell,
    )  # fmt: skip
    _write(found, json_path)


@bench.command()
@_clip
@click.option("--frame-size", default="1280x720", show_default=True, metavar="WxH", help="Frames are scaled to it.")
@click.option("--frames", default=90, show_default=True, type=click.IntRange(2), help="How many.")
@_json
@config_options("segment", "smooth", "refine", "compose", without=("speed",))
def pipeline(clip: Path | None, frame_size: str, frames: int, json_path: Path | None, config: Config) -> None:
    """Time every stage between a decoded frame and a composited one, in memory.

    CLIP is the demo clip unless given.
    """
    from livebg.bench.pipeline import bench_pipeline

    size = _size(frame_size)
    found = bench_pipeline(clip or weights.ensure("demo-clip"), config, size=size, frames=frames, progress=_tell)
    _write(found, json_path)


@bench.command()
@click.option("--size", "sizes", multiple=True, default=(300, 600, 900), type=click.IntRange(66), help="L. Repeatable.")
@click.option("--mode", "modes", multiple=True, default=("fast", "full"), type=click.Choice(["fast", "full"]))
@click.option(
    "--weights", "path", type=click.Path(exists=True, path_type=Path), help="[default: random ones, same cost]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "full", "half"]))
@_rounds
@_json
def refine(
    sizes: tuple[int, ...],
    modes: tuple[str, ...],
    path: Path | None,
    device: str,
    precision: str,
    rounds: int,
    json_path: Path | None,
) -> None:
    """Time CascadePSP and its peak memory."""
    from livebg.bench.refine import bench_refine

    found = bench_refine(
        sizes, modes=modes, device=device, precision=precision, rounds=rounds, weights=path, progress=_tell
    )
    _write(found, json_path)


@bench.command()
@_clip
@click.option("--seconds", default=60.0, show_default=True, help="How long.")
@click.option("--cores", default=2, show_default=True, type=click.IntRange(1), help="That the run may use.")
@click.option("--with", "options", default="--config live", show_default=True, help="Options of livebg live.")
@_json
def live(clip: Path | None, seconds: float, cores: int, options: str, json_path: Path | None) -> None:
    """Play CLIP in real time as the camera and measure a call: latency, misses, memory.

    CLIP is the demo clip unless given.
    """
    from livebg.bench.live import bench_live

    found = bench_live(
        clip or weights.ensure("demo-clip"), seconds=seconds, cores=cores, options=options.split(), progress=_tell
    )
    _write(found, json_path)


@bench.command()
@click.argument("people", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=20, show_default=True, type=click.IntRange(1), help="Composites of each folder.")
@_json
def foreground(people: Path, count: int, json_path: Path | None) -> None:
    """Measure the edge colours: time, and error against known foregrounds of the cut-outs in PEOPLE."""
    from livebg.bench.foreground import bench_foreground

    _write(bench_foreground(people, count=count, progress=_tell), json_path)


@bench.command()
@click.option("--frame-size", default="1280x720", show_default=True, metavar="WxH", help="Of the made-up frames.")
@click.option("--frames", default=40, show_default=True, type=click.IntRange(2), help="How many.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1), help="Of OpenCV.")
@click.option("--smooth", default="light", show_default=True, type=click.Choice(["light", "strong"]))
@_json
def steady(frame_size: str, frames: int, threads: int, smooth: str, json_path: Path | None) -> None:
    """Time what makes a matte outside segmentation: following, carrying, smoothing, upsampling."""
    from livebg.bench.harness import machine
    from livebg.bench.steady import steady_cost

    width, height = _size(frame_size)
    found = steady_cost(width=width, height=height, frames=frames, threads=threads, smooth=smooth)
    _write({"benchmark": "steady", "machine": machine(), **found}, json_path)


@bench.command()
@click.argument("folder", default="benchmarks", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(folder: Path) -> None:
    """Make tables and plots of the records in FOLDER: its README.md and SVG files. (extra `bench`)"""
    from livebg.bench.report import write_report

    click.echo(write_report(folder))


def _size(text: str) -> tuple[int, int]:
    """Width and height, as every command reads them."""
    size = Config().override({"segment": {"size": text}}).segment.size
    assert size is not None
    return size


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _write(result: dict[str, object], json_path: Path | None) -> None:
    text = json.dumps(result, indent=2)
    if json_path is None:
        click.echo(text)
        return
    try:
        json_path.write_text(text + "\n", encoding="utf-8")
    except OSError as exc:
        raise SinkError(f"cannot write {json_path}: {exc.strerror}") from exc
