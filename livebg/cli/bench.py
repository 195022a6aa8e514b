"""``livebg bench``: speed, as ratios within one run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from livebg import weights
from livebg.bench.file import bench_file
from livebg.errors import SinkError


@click.group()
def bench() -> None:
    """Measure speed against a reference timed in the same run."""


@bench.command("file")
@click.argument("clip", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", default="u2netp", show_default=True, help="A published network by name.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100), help="Pairs of runs.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here, not to stdout.")
def file_(clip: Path | None, model: str, rounds: int, json_path: Path | None) -> None:
    """Time the whole of `livebg process CLIP` against ONNX Runtime running the bare network as often.

    CLIP is the demo clip unless given. Leave the machine alone meanwhile.
    """
    result = bench_file(
        clip or weights.ensure("demo-clip"),
        model=model,
        rounds=rounds,
        progress=lambda line: click.echo(line, err=True),
    )
    text = json.dumps(result, indent=2)
    if json_path is None:
        click.echo(text)
        return
    try:
        json_path.write_text(text + "\n", encoding="utf-8")
    except OSError as exc:
        raise SinkError(f"cannot write {json_path}: {exc.strerror}") from exc
