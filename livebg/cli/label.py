"""``livebg label``: masks for pictures that have none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import TypeAdapter, ValidationError

from livebg.cli.opening import load_segmenter
from livebg.cli.progress import ProgressLine
from livebg.config import SegmentConfig
from livebg.errors import UsageError
from livebg.train.labels import label_folder
from livebg.values import NetworkSize

if TYPE_CHECKING:
    from livebg.train.labels import Teacher


@click.command()
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("models", nargs=-1, required=True, metavar="MODEL[@SIZE]...")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def label(pictures: Path, out: Path, models: tuple[str, ...], quiet: bool) -> None:
    """Write OUT/images and OUT/masks, a source for `livebg train`, from the folder PICTURES.

    Two or more networks make each mask; a picture on which they disagree, or see next to nobody, is left out. Each
    is a name or a path, and what it sees where that is not its own (WxH, or N for NxN): people people@512x384.
    """
    teachers = [_teacher(text, quiet=quiet) for text in models]
    with ProgressLine(pictures.name, quiet=quiet) as line:
        kept, there = label_folder(pictures, out, teachers, progress=line.count)
    if not quiet:
        click.echo(f"{kept} of {there} labelled: {out}")


def _teacher(text: str, *, quiet: bool) -> Teacher:
    """MODEL or MODEL@SIZE."""
    model, at, size = text.rpartition("@")
    try:
        seen = TypeAdapter[tuple[int, int]](NetworkSize).validate_python(size) if at else None
    except ValidationError as exc:
        raise UsageError(f"{text}: after @, {exc.errors()[0]['ctx']['error']}") from exc
    segmenter = load_segmenter(
        SegmentConfig(model=model if at else text, size=seen, doubtful="keep"), coarse=False, quiet=quiet
    )
    return lambda picture: segmenter.segment(picture).alpha.copy()
