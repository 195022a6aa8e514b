"""``livebg eval held-back``: whom training never saw, as sets of pictures to measure on."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("held-back")
@click.argument("recipe")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--each", default=60, show_default=True, type=click.IntRange(1), help="Pictures of each group at most.")
def held_back(recipe: str, data: Path, out: Path, each: int) -> None:
    """Write OUT/SET/images and masks: people and rooms that `livebg train RECIPE --data DATA` holds back.

    The sets are held-SOURCE (people as taken), calls, poor and empty (composed of them: fair and poor cameras, nobody;
    the same ones for every RECIPE of the same sources), rooms and windows (nobody). Measure them with `livebg eval
    images --dataset OUT/SET --alpha matte --normalise none`.
    """
    from livebg.train.folders import load_library
    from livebg.train.held_back import write_held_back
    from livebg.train.new_folder import require_free
    from livebg.train.recipe import load_recipe

    require_free(out)
    plan = load_recipe(recipe)
    library = load_library(data, plan.data)
    for line in library.left_out:
        click.echo(f"left out: {line}", err=True)
    counts = write_held_back(library.validation, plan, out, each=each)
    for name, count in counts.items():
        click.echo(f"{out / name}: {count}")
