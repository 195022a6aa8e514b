"""A report's files: results.json, results.csv and a page that needs nothing but itself.

They are written from the rows of items (see ``store``), all that the folder holds, so several commands add up to one
report.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from livebg import __version__
from livebg.evaluate.metrics import LEVELS, curves_of
from livebg.evaluate.plots import Line, line_chart
from livebg.evaluate.store import MATTES, Row, cannot_write, read_rows
from livebg.evaluate.strips import Files, Strip, choose, strips
from livebg.evaluate.table import ALL_CLIPS, HEADINGS, MEANINGS, VIDEO_MEASURES, Result, image_scores, results, shown
from livebg.whole_file import write_whole

IMAGE_COLUMNS = (
    "model", "size", "refine", "smooth", "sample", "n", "max_f", "max_f_sod", "mae", "iou", "iou_p10", "iou_worst",
    "false_alarms", "precision", "recall", "f_beta", "s_measure", "e_measure", "weighted_f", "boundary_f", "mba",
    "seconds_per_picture",
)  # fmt: skip
VIDEO_COLUMNS = ("clip", "model", "size", "refine", "smooth", "n", *VIDEO_MEASURES)

_OVER_TIME = (
    ("mad", "MAD x 10³"),
    ("dtssd", "dtSSD x 10²"),
    ("flicker", "flicker x 10³"),
    ("iou", "IoU"),
    ("warp", "warping error x 10³"),
)
_BEGIN_LATER = frozenset({"dtssd", "flicker", "warp"})


@dataclass(slots=True)
class _Gallery:
    """The strips of one row."""

    label: str
    worst: list[Strip]
    median: list[Strip]


@dataclass(slots=True)
class _Set:
    """One set of pictures on the page."""

    name: str
    results: list[Result]
    settings: str
    charts: list[Markup] = field(default_factory=list)
    galleries: list[_Gallery] = field(default_factory=list)


@dataclass(slots=True)
class _ClipCharts:
    """One clip on the page."""

    name: str
    charts: list[Markup]


def write_report(folder: Path) -> list[Result]:
    """Write results.json, results.csv and report.html from the items in a folder.

    Returns:
        The objects of results.json.

    Raises:
        SourceError: There are no items.
        SinkError: A file cannot be written.
    """
    rows = [row for row in read_rows(folder) if row.items]
    found = [result for row in rows for result in results(row)]
    _write(folder / "results.json", json.dumps(found, indent=1) + "\n")
    _write(folder / "results.csv", _csv(found))
    _write(folder / "report.html", _page(folder, rows, found))
    return found


def _csv(found: Sequence[Result]) -> str:
    columns = list(dict.fromkeys(name for result in found for name in result))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _page(folder: Path, rows: Sequence[Row], found: Sequence[Result]) -> str:
    pictures = [row for row in rows if row.key.kind == "images"]
    clips = [row for row in rows if row.key.kind == "video"]
    environment = Environment(
        loader=PackageLoader("livebg.evaluate", "page"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = shown
    return environment.get_template("report.html.j2").render(
        version=__version__,
        date=time.strftime("%Y-%m-%d"),
        headings=HEADINGS,
        meanings=MEANINGS,
        image_columns=_used(IMAGE_COLUMNS, found),
        video_columns=_used(VIDEO_COLUMNS, found),
        all_clips=ALL_CLIPS,
        sets=[_set(folder, name, members) for name, members in _by(pictures, lambda row: row.key.dataset).items()],
        clip_results=[result for result in found if "clip" in result],
        clip_settings=_settings(clips),
        clips=_clip_charts(clips),
        findings=[(row.key.label, row.findings) for row in rows if row.findings],
    )


def _settings(rows: Sequence[Row]) -> str:
    keys = [row.key for row in rows]
    return "; ".join(
        dict.fromkeys(
            f"alpha {key.alpha}, normalise {key.normalise}, computed by {key.runtime}"
            if key.runtime
            else f"{key.model} by the mattes in {key.weights}"
            for key in keys
        )
    )


def _used(columns: Sequence[str], found: Sequence[Result]) -> list[str]:
    """The columns that say something: a refiner's only where there was one."""
    return [name for name in columns if any(result.get(name) not in (None, "none") for result in found)]


def _set(folder: Path, name: str, rows: Sequence[Row]) -> _Set:
    made = _Set(name, [result for row in rows for result in results(row)], _settings(rows))
    curves = [(row.key.label.removeprefix(f"{name} "), curves_of(image_scores(row))) for row in rows]
    thresholds = [level / (LEVELS - 1) for level in range(LEVELS)]
    precision_recall = [
        # Above the greatest value nothing is chosen: precision 0 of nothing is no point of the curve.
        Line(label, [(float(r), float(p)) for r, p in zip(curve.recall, curve.precision, strict=True) if r > 0.01])
        for label, curve in curves
    ]
    over_threshold = [
        Line(label, list(zip(thresholds, curve.f_of_means.tolist(), strict=True))) for label, curve in curves
    ]
    iou_over_threshold = [
        Line(label, list(zip(thresholds, curve.iou.tolist(), strict=True))) for label, curve in curves
    ]
    made.charts = [
        Markup(
            line_chart(
                "Precision and recall", precision_recall, x_label="recall", y_label="precision", x_range=(0, 1),
                y_range=(0, 1),
            )
        ),
        Markup(
            line_chart(
                "F over threshold", over_threshold, x_label="threshold", y_label="F (beta² = 0.3)", x_range=(0, 1),
                y_range=(0, 1),
            )
        ),
        Markup(
            line_chart(
                "IoU over threshold", iou_over_threshold, x_label="threshold", y_label="IoU", x_range=(0, 1),
                y_range=(0, 1),
            )
        ),
    ]  # fmt: skip
    made.galleries = [_gallery(folder, row) for row in rows]
    return made


def _gallery(folder: Path, row: Row) -> _Gallery:
    scores = dict(zip(sorted(row.items), image_scores(row), strict=True))
    mattes = folder / MATTES / row.key.slug
    files = {
        name: Files(Path(item["image"]), Path(item["mask"]), mattes / f"{name}.png") for name, item in row.items.items()
    }
    worst, median = choose(scores)
    return _Gallery(row.key.label, strips(worst, scores, files), strips(median, scores, files))


def _clip_charts(rows: Sequence[Row]) -> list[_ClipCharts]:
    names = list(dict.fromkeys(name for row in rows for name in row.items))
    made = []
    for name in names:
        charts = []
        for measure, label in _OVER_TIME:
            lines = [
                Line(row.key.label, _over_time(measure, row.items[name]["series"][measure]))
                for row in rows
                if name in row.items and measure in row.items[name]["series"]
            ]
            if any(y is not None for line in lines for _, y in line.points):
                fixed = (0.0, 1.0) if measure == "iou" else None
                charts.append(Markup(line_chart(label, lines, x_label="frame", y_label=label, y_range=fixed)))
        made.append(_ClipCharts(name, charts))
    return made


def _over_time(measure: str, series: Sequence[float | None]) -> list[tuple[float, float | None]]:
    first = 1 if measure in _BEGIN_LATER else 0
    return [(float(at), value) for at, value in enumerate(series, first)]


def _by(rows: Sequence[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode())
    except OSError as exc:
        raise cannot_write(path, exc) from exc
