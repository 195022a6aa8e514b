"""``livebg bench``: speed, as ratios within one run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from livebg import weights
from livebg.errors import SinkError

_Command = Callable[..., Any]

_rounds = click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100), help="Pairs of runs.")
_clip = click.argument("clip", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
_json = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the result here, not to stdout."
)


@click.group()
def bench() -> None:
    """Measure speed against a reference timed in the same run. Leave the machine alone meanwhile."""


@bench.command("file")
@_clip
@click.option("--model", default="u2netp", show_default=True, help="A published network by name.")
@_rounds
@_json
def file_(clip: Path | None, model: str, rounds: int, json_path: Path | None) -> None:
    """Time the whole of `livebg process CLIP` against ONNX Runtime running the bare network as often.

    CLIP is the demo clip unless given.
    """
    from livebg.bench.file import bench_file

    _write(bench_file(clip or weights.ensure("demo-clip"), model=model, rounds=rounds, progress=_tell), json_path)


@bench.command()
@_clip
@click.option("--peer", default="rembg", show_default=True, help="rembg, or eager: torch as published scripts run it.")
@click.option("--python", default=sys.executable, help="The Python that the peer is installed in.")
@click.option("--peer-model", default="u2netp", show_default=True, help="The peer's network, a published one.")
@_rounds
@_json
@click.option("--with", "options", default="", metavar="OPTIONS", help="More for livebg process: '--model people'.")
def compare(
    clip: Path | None, peer: str, python: str, peer_model: str, rounds: int, json_path: Path | None, options: str
) -> None:
    """Time `livebg process CLIP` and a peer's loop over the same clip in turn.

    CLIP is the demo clip unless given; without a --model among OPTIONS both run the peer's network.
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
