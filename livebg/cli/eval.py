"""``livebg eval``: quality on ground truth, for pictures and clips, and whether one result is better than another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from livebg.build import open_matting, open_reader
from livebg.cli.held_back import held_back
from livebg.cli.opening import load_segmenter
from livebg.cli.options import config_options
from livebg.cli.progress import ProgressLine
from livebg.cli.rows import key_of_mattes, key_of_model
from livebg.config import Config, InputConfig
from livebg.errors import LivebgError, SourceError, UsageError
from livebg.evaluate.clips import Clip, find_clips
from livebg.evaluate.compare import compare, rows_to_compare
from livebg.evaluate.datasets import LAYOUTS, ImageSet, open_image_set
from livebg.evaluate.given import Given, open_mattes
from livebg.evaluate.images import evaluate_images, stamp_of
from livebg.evaluate.report import IMAGE_COLUMNS, VIDEO_COLUMNS, write_report
from livebg.evaluate.samples import Finding
from livebg.evaluate.store import Row, RowKey, Store
from livebg.evaluate.table import comparison_lines, results, text_table
from livebg.evaluate.video import evaluate_clips
from livebg.frame import StreamInfo
from livebg.pipeline import Matting, RunReport
from livebg.segment import Segmenter
from livebg.stages import Source

_PUBLISHED_WAY = {"segment": {"alpha": "raw", "normalise": "minmax"}, "refine": {"refine": "none"}}


@click.group("eval")
def eval_() -> None:
    """Measure quality against ground truth."""


eval_.add_command(held_back)


def _common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--model", "models", multiple=True, metavar="NAME|PATH[,...]", help="Several: several rows."),
            click.option("--size", "sizes", multiple=True, metavar="N|WxH[,...]", help="Several: several rows."),
            click.option(
                "--report", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                help="Write results.json, results.csv and report.html there; a second call continues what it finds.",
            ),
            click.option("--fresh", is_flag=True, help="Start over: forget what DIR holds."),
            click.option("--seed", type=int, default=0, show_default=True, help="Of the sample and of sensor noise."),
            click.option("-q", "--quiet", is_flag=True, help="Print the results and errors only."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@eval_.command()
@click.option(
    "--dataset", "datasets", multiple=True, required=True, metavar="NAME=PATH",
    help=f"A set: {', '.join(LAYOUTS)}, or any other name; NAME=IMAGES,MASKS for two folders. Repeatable.",
)  # fmt: skip
@click.option(
    "--mattes", "given", multiple=True, metavar="NAME=DIR",
    help="Mattes that another tool made: DIR/SET/STEM.png. Repeatable; alone, no model is run.",
)  # fmt: skip
@_common_options
@click.option("--limit", type=click.IntRange(1), metavar="N", help="A sample of N pictures, chosen by --seed.")
@click.option("--alpha", metavar="matte|raw", help="As for process.  [default: raw, the network's score]")
@click.option(
    "--normalise", metavar="none|minmax",
    help="Whether each map is stretched to 0..1, and measured so.  [default: minmax, as published evaluations do]",
)  # fmt: skip
@config_options("segment", "refine", without=("model", "size", "speed", "alpha", "normalise"))
def images(
    datasets: tuple[str, ...],
    given: tuple[str, ...],
    models: tuple[str, ...],
    sizes: tuple[str, ...],
    report: Path | None,
    fresh: bool,
    seed: int,
    quiet: bool,
    limit: int | None,
    alpha: str | None,
    normalise: str | None,
    config: Config,
) -> None:
    """Measure sets of pictures with masks.

    Each row is one model at one size on one set. Numbers are means over its pictures; README, "Measuring
    quality", names the exceptions.
    """
    sets = [open_image_set(spec) for spec in datasets]
    others = _opened(given)
    ways = {"alpha": alpha, "normalise": normalise}
    unset = {
        section: {key: value for key, value in usual.items() if key not in getattr(config, section).model_fields_set}
        for section, usual in _PUBLISHED_WAY.items()
    }
    config = config.override(unset).override(
        {"segment": {key: value for key, value in ways.items() if value is not None}}
    )
    store = None if report is None else Store(report, fresh=fresh)
    rows = []

    def measure(each: ImageSet, key: RowKey, matting: Matting | Given) -> None:
        pairs = each.sample(limit, seed)
        whole = len(pairs) == len(each.pairs)
        key = replace(key, limit=None if whole else limit, seed=0 if whole else seed)
        with _row(store, key) as row, ProgressLine(f"{key.label}", quiet=quiet) as line, _going_on(row):
            by = matting.of_set(each.name) if isinstance(matting, Given) else matting
            info = StreamInfo(each.name, 0, 0, frames=sum(not row.has(pair.name, stamp_of(pair, by)) for pair in pairs))
            mattes = None if store is None else store.mattes(key)
            evaluate_images(each, pairs, by, row, mattes=mattes, progress=partial(_tell_progress, line, info))
        rows.append(row)

    if models or sizes or not others:
        for segmenter, setting in _segmenters(config, models, sizes, quiet=quiet):
            matting = open_matting(setting, segmenter, stills=True)
            for each in sets:
                measure(each, key_of_model("images", each.name, each.root, segmenter, setting, seed=seed), matting)
    for other in others:
        for each in sets:
            key = key_of_mattes("images", each.name, each.root, other)
            measure(each, replace(key, normalise=config.segment.normalise), other)
    _conclude(rows, report, (*_with_published(IMAGE_COLUMNS), "share_outside_model", "contaminated"))


@eval_.command()
@click.option(
    "--clips", "folder", required=True, metavar="DIR",
    help="Folders NAME/images and NAME/masks, or videos NAME.mp4 with NAME_alpha.mp4; without truth, too.",
)  # fmt: skip
@click.option(
    "--mattes", "given", multiple=True, metavar="NAME=DIR",
    help="Mattes that another tool made: DIR/CLIP/STEM.png, or DIR/CLIP.mp4. Repeatable; alone, no model is run.",
)  # fmt: skip
@_common_options
@click.option("--flicker/--no-flicker", default=True, help="Take a second pass, with sensor noise.  [default: flicker]")
@config_options("segment", "smooth", "refine", without=("model", "size", "speed"))
def video(
    folder: str,
    given: tuple[str, ...],
    models: tuple[str, ...],
    sizes: tuple[str, ...],
    report: Path | None,
    fresh: bool,
    seed: int,
    quiet: bool,
    flicker: bool,
    config: Config,
) -> None:
    """Measure clips: against true mattes, or along optical flow where there are none.

    Every number of a clip is a mean over its frames; over all clips each clip counts the same.
    """
    clips, found = find_clips(folder)
    name = Path(folder).resolve().name
    others = _opened(given)
    store = None if report is None else Store(report, fresh=fresh)
    rows = []

    def measure(key: RowKey, matting: Matting | Given, mattes: Path | None = None) -> None:
        with _row(store, key) as row, _ClipProgress(quiet=quiet) as progress, _going_on(row):
            evaluate_clips(
                clips, matting, row, open_video=_open_video, found=found, flicker=flicker, mattes=mattes,
                progress=progress,
            )  # fmt: skip
        rows.append(row)

    if models or sizes or not others:
        for segmenter, setting in _segmenters(config, models, sizes, quiet=quiet):
            key = key_of_model("video", name, folder, segmenter, setting, seed=seed)
            measure(key, open_matting(setting, segmenter), None if store is None else store.mattes(key))
    for each in others:
        measure(key_of_mattes("video", name, folder, each), each)
    _conclude(rows, report, (*VIDEO_COLUMNS, "share_outside_model", "contaminated"))


@eval_.command("compare")
@click.argument("results_of", nargs=-1, required=True, metavar="A [B...]")
def compare_(results_of: tuple[str, ...]) -> None:
    """Hold results against each other, with paired bootstrap intervals.

    A and B are report folders, or files of their folders items (one row each). One folder alone: its first row of each
    set against the others.
    """
    for first, second in rows_to_compare(results_of):
        for line in comparison_lines(compare(first, second)):
            click.echo(line)


def _opened(given: Sequence[str]) -> list[Given]:
    others = [open_mattes(spec) for spec in given]
    if len({each.name for each in others}) < len(others):
        raise UsageError("--mattes: give each tool a name of its own")
    return others


def _segmenters(
    config: Config, models: Sequence[str], sizes: Sequence[str], *, quiet: bool
) -> Iterator[tuple[Segmenter, Config]]:
    chosen = [
        {"model": model, "size": size} if size else {"model": model}
        for model in _listed(models) or [config.segment.model]
        for size in _listed(sizes) or [""]
    ]
    for setting in [config.override({"segment": each}) for each in chosen]:  # a wrong one is told at once
        yield load_segmenter(setting.segment, quiet=quiet), setting


def _listed(values: Sequence[str]) -> list[str]:
    """An option given several times, or once with commas."""
    return [each for value in values for each in value.split(",") if each]


def _row(store: Store | None, key: RowKey) -> Row:
    return Row(key) if store is None else store.open(key)


@contextmanager
def _going_on(row: Row) -> Iterator[None]:
    """A set of which nothing can be measured is named, and does not keep the others from being measured."""
    try:
        yield
    except SourceError as exc:
        row.general.append(Finding(row.key.label, str(exc)))


def _open_video(path: Path) -> Source:
    return open_reader(str(path), InputConfig(), side=False)


def _conclude(rows: Sequence[Row], report: Path | None, columns: Sequence[str]) -> None:
    findings = list(dict.fromkeys(finding for row in rows for finding in row.findings))
    found = [result for row in rows for result in results(row)]
    if not found:
        raise SourceError("; ".join(dict.fromkeys(row.general[-1].what for row in rows)))
    if len({result["dataset"] for result in found}) > 1:
        columns = ["dataset", *columns]
    for line in text_table(found, columns):
        click.echo(line)
    for text in dict.fromkeys(str(result["contaminated"]) for result in found if result["contaminated"]):
        click.echo(f"not held out: {text}")
    if report is not None:
        write_report(report)
        click.echo(f"report: {report / 'report.html'}")
    for line in _lines(findings):
        click.echo(f"livebg: {line}", err=True)
    lost = sum(finding.lost for finding in findings)
    if lost:
        raise LivebgError(f"{lost} could not be measured, see above; all else was")


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each loss, and one for all notes of a kind."""
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        if finding.lost:
            yield str(finding)
        else:
            kinds.setdefault(finding.what, []).append(finding.where)
    for what, wheres in kinds.items():
        yield f"{wheres[0]}{f' and {len(wheres) - 1} more' if len(wheres) > 1 else ''}: {what}"


def _with_published(columns: Sequence[str]) -> list[str]:
    named = [[name, f"published_{name}"] if name in ("max_f", "mae") else [name] for name in columns]
    return [name for pair in named for name in pair]


def _tell_progress(line: ProgressLine, info: StreamInfo, report: RunReport) -> None:
    line(report, info)


class _ClipProgress:
    """A line for each pass over each clip."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._now: tuple[str, int] | None = None
        self._line: ProgressLine | None = None

    def __call__(self, clip: Clip, number: int, info: StreamInfo, report: RunReport) -> None:
        """Show how far this pass has come."""
        if self._line is None or self._now != (clip.name, number):
            self._close()
            self._now = (clip.name, number)
            self._line = ProgressLine(clip.name if number == 1 else f"{clip.name}, flicker", quiet=self._quiet)
        self._line(report, info)

    def _close(self) -> None:
        if self._line is not None:
            self._line.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
