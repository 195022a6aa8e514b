"""``livebg train``: weights of our own, and the files that ship."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@click.command()
@click.argument("recipe")
@click.option("--data", type=click.Path(path_type=Path), help="The folder of folders of pictures.")
@click.option("--out", "run", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--minutes", default=50.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Budget.")
@click.option("--steps", type=click.IntRange(1), help="At most so many; the learning rate then follows them.")
@click.option("--save-every", default=5.0, show_default=True, help="Minutes between checkpoints.")
@click.option("--pause", type=click.FloatRange(0, min_open=True), help="Save and end after so many minutes; --resume.")
@click.option("--batch", type=click.IntRange(2), help="In place of the recipe's.")
@click.option("--rate", type=click.FloatRange(0, 1, min_open=True), help="In place of the recipe's.")
@click.option("--size", help="WxH, in place of the recipe's; for upright pictures turned.")
@click.option("--start", help="Weights to start from, in place of the recipe's.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps.")
@click.option("--half", is_flag=True, help="bfloat16 on a CPU too: twice as fast where it has AMX. CUDA always has it.")
@click.option("--workers", default=0, show_default=True, type=click.IntRange(0), help="Processes that draw scenes.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--examples", default=60, show_default=True, type=click.IntRange(1), help="Validation, of each group.")
@click.option(
    "--mix", "parts", multiple=True, metavar="RUN=SHARE",
    help="Do not train: --out becomes the mean of these runs' best weights. Repeatable; shares add up to 1.",
)  # fmt: skip
@click.option("--export", "export_to", type=click.Path(path_type=Path), help="Write the run's best weights here.")
@click.option(
    "--calibrate", type=click.IntRange(1), metavar="N",
    help="With --export: do not train, but write NAME.int8.onnx too, its ranges taken from N scenes of --data.",
)  # fmt: skip
def train(
    recipe: str,
    data: Path | None,
    run: Path,
    minutes: float,
    steps: int | None,
    save_every: float,
    pause: float | None,
    batch: int | None,
    rate: float | None,
    size: str | None,
    start: str | None,
    device: str,
    half: bool,
    workers: int,
    resume: bool,
    examples: int,
    parts: tuple[str, ...],
    export_to: Path | None,
    calibrate: int | None,
) -> None:
    """Train RECIPE (people, people-more, people-nano, or the path of a .toml) until the minutes are spent.

    With --export and without --data nothing is trained: the weights of the run in --out are written as files that
    livebg loads. With --mix they are the mean of other runs' first. With --calibrate, --data serves the network in
    whole numbers alone.
    """
    from livebg.train import folders, loop, validation
    from livebg.train import recipe as recipes

    if calibrate is not None and (data is None or export_to is None):
        raise click.UsageError("--calibrate needs --data, where the scenes come from, and --export")
    if parts:
        from livebg.train.mix import mix

        if data is not None and calibrate is None:
            raise click.UsageError("--mix trains nothing: leave out --data, or give it for --calibrate")
        click.echo(mix([_part(text) for text in parts], run))
    elif data is not None and calibrate is None:
        changes = {"batch": batch, "rate": rate, "size": size, "start": start}
        changes = {key: value for key, value in changes.items() if value is not None}
        plan = recipes.load_recipe(recipe, changes | ({} if size is None else {"upright": None}))
        say = partial(click.echo, err=True)
        library = folders.load_library(data, plan.data)
        for line in library.left_out:
            say(f"left out: {line}")
        loop.train(
            plan,
            library,
            run,
            loop.Budget(minutes, steps, save_every, math.inf if pause is None else pause),
            found=validation.examples(library.validation, plan, each=examples),
            measures=measures(),
            device=device,
            half=half,
            workers=workers,
            resume=resume,
            say=say,
        )
    if export_to is not None:
        from livebg.train.calibration import calibration_pictures
        from livebg.train.export import export

        best, pictures = run / loop.BEST, None
        if data is not None and calibrate is not None:
            pictures = calibration_pictures(loop.averaged_network(best)[1], data, calibrate)
        for path in export(best, export_to, Path(recipe).stem, pictures=pictures):
            click.echo(path)
    elif data is None and not parts:
        raise click.UsageError("give --data to train, or --export to write the weights of a run")


def _part(text: str) -> tuple[Path, float]:
    """RUN=SHARE."""
    folder, _, share = text.rpartition("=")
    try:
        return Path(folder), float(share)
    except ValueError:
        raise click.UsageError(f"--mix {text}: give a run's folder and its share, as in --mix runs/a=0.5") from None


def measures() -> dict[str, Callable[[NDArray[np.float32], NDArray[np.float32]], float]]:
    """The measures of ``livebg eval`` that validation uses, on alphas in [0, 1]."""
    from livebg.evaluate.video_metrics import iou, mean_absolute_difference

    def in_steps(alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
        return np.rint(alpha * 255).astype(np.uint8)

    return {
        "mad": mean_absolute_difference,
        "iou": lambda ours, true: iou(in_steps(ours), in_steps(true)),
    }
