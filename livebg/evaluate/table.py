"""Rows of results as numbers: what stands in results.json, results.csv, on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from livebg.evaluate.compare import Comparison
from livebg.evaluate.harness import share_outside
from livebg.evaluate.honesty import contamination, published
from livebg.evaluate.metrics import ImageScore, summarise
from livebg.evaluate.store import Row

Result = dict[str, Any]

ALL_CLIPS = "all"

VIDEO_MEASURES = ("mad", "mse", "grad", "conn", "dtssd", "flicker", "lag", "iou", "boundary_f", "warp")

HEADINGS = {
    "max_f": "max F", "max_f_sod": "max F sod", "mae": "MAE", "iou": "IoU", "iou_p10": "IoU p10",
    "iou_worst": "worst IoU", "false_alarms": "alarms", "f_beta": "F", "s_measure": "S", "e_measure": "E",
    "weighted_f": "wF", "boundary_f": "bF", "mba": "mBA", "mad": "MAD", "mse": "MSE", "dtssd": "dtSSD",
    "published_max_f": "published", "published_mae": "published", "seconds_per_picture": "s each",
    "share_outside_model": "idle",
}  # fmt: skip
"""Short names for people, where they differ."""

MEANINGS = {
    "sample": "how many of the set were asked for; nothing for all",
    "n": "pictures, or frames, measured",
    "iou": "intersection over union at 0.5",
    "iou_p10": "tenth percentile of IoU: nine in ten pictures have more",
    "iou_worst": "mean IoU of the worst tenth of the pictures",
    "false_alarms": "part of the pictures with nobody whose map has a mean above .02; nothing where maps are stretched",
    "precision": "precision at 0.5",
    "recall": "recall at 0.5",
    "f_beta": "F at 0.5, beta² = 0.3",
    "max_f": "greatest F over 256 thresholds of precision and recall averaged over the set (U²-Net paper)",
    "max_f_sod": "greatest value of the mean of the pictures' F curves (PySODMetrics)",
    "mae": "mean absolute error, 0..1",
    "s_measure": "structure measure (Fan 2017)",
    "e_measure": "enhanced-alignment measure (Fan 2018), mean over 256 thresholds",
    "weighted_f": "weighted F (Margolin 2014)",
    "boundary_f": "F of the outlines at 0.5 within 0.008 of the diagonal (DAVIS)",
    "mba": "mean boundary accuracy at 0.5 (CascadePSP)",
    "mad": "mean absolute difference x 10³",
    "mse": "mean squared error x 10³",
    "grad": "gradient error x 10⁻³",
    "conn": "connectivity error x 10⁻³",
    "dtssd": "error of the change from frame to frame x 10²",
    "flicker": "mean absolute change of alpha on all still pixels of the clip x 10³, under sensor noise of 2/255",
    "lag": "frames by which the matte comes late; nothing where too little moves, or too little of it alike",
    "seconds_per_picture": "seconds of the whole run a picture",
    "share_outside_model": "part of the time in which the model was not at work",
    "warp": "squared change along optical flow x 10³, where there is no truth",
}


def results(row: Row) -> list[Result]:
    """A row's objects: one for a set of pictures; one a clip and one for all clips. None where nothing is measured."""
    if not row.items:
        return []
    return [image_result(row)] if row.key.kind == "images" else clip_results(row)


def image_result(row: Row) -> Result:
    """The object of a set of pictures, with the published figures beside where there are any."""
    numbers = summarise(image_scores(row))
    if row.key.normalise == "minmax":
        numbers["false_alarms"] = float("nan")  # the faintest map is stretched to the whole of 0..1
    beside = published(row.key.model, row.key.dataset, size=row.key.size)
    return (
        _heading(row, len(row.items))
        | {name: _number(value) for name, value in numbers.items()}
        | {f"published_{name}": value for name, value in beside.items()}
        | _cost(row)
    )


def clip_results(row: Row) -> list[Result]:
    """An object a clip, and their mean, in which each clip counts the same."""
    made = []
    for name, item in row.items.items():
        means = {measure: _number(item["means"].get(measure)) for measure in VIDEO_MEASURES}
        made.append({"clip": name, **_heading(row, item["frames"]), **means})
    together = {measure: _mean([one[measure] for one in made]) for measure in VIDEO_MEASURES}
    frames = sum(one["n"] for one in made)
    return [*made, {"clip": ALL_CLIPS, **_heading(row, frames), **together, **_cost(row)}]


def image_scores(row: Row) -> list[ImageScore]:
    """The records of a row of pictures, in the order of their names."""
    return [ImageScore.from_json(row.items[name]) for name in sorted(row.items)]


def shown(value: object) -> str:
    """A number for people: three digits after the point below ten, fewer above."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{3 if abs(value) < 10 else 1}f}"
    return str(value)


def text_table(rows: Sequence[Result], columns: Sequence[str]) -> list[str]:
    """Lines of aligned columns under their headings; columns without any value are left out."""
    columns = [name for name in columns if any(row.get(name) not in (None, "none") for row in rows)]
    cells = [
        [HEADINGS.get(name, name) for name in columns],
        *([shown(row.get(name)) for name in columns] for row in rows),
    ]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    numeric = [any(isinstance(row.get(name), int | float) for row in rows) for name in columns]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]


def comparison_lines(comparison: Comparison) -> list[str]:
    """What two rows differ in, for people: which they are, a line a measure, and why it may not count."""
    left_out = f", {comparison.left_out} left out that only one has" if comparison.left_out else ""
    measures = [
        {
            "measure": each.measure,
            "A": f"{each.first:.4f}",
            "B": f"{each.second:.4f}",
            "B - A": f"{each.difference:+.4f}",
            "interval": f"{each.low:+.4f} .. {each.high:+.4f}",
            "B is": each.verdict,
        }
        for each in comparison.differences
    ]
    return [
        f"A: {comparison.first}",
        f"B: {comparison.second}",
        f"{comparison.items} items in both{left_out}; 95 % intervals of B - A by paired bootstrap",
        *(f"  {line}" for line in text_table(measures, ("measure", "A", "B", "B - A", "interval", "B is"))),
        *(
            f"  flicker of {clip} is left out: an earlier livebg measured it; measure it anew with --fresh"
            for clip in comparison.unweighted
        ),
        *(f"  not held out: {text}" for text in comparison.contaminated),
    ]


def _heading(row: Row, n: int) -> Result:
    key = row.key
    return {
        "dataset": key.dataset,
        "model": key.model,
        "size": int(key.size) if key.size.isdigit() else key.size or None,
        "refine": key.refine or None,
        "smooth": key.smooth or None,
        "alpha": key.alpha or None,
        "normalise": key.normalise or None,
        "runtime": key.runtime or None,
        "sample": key.limit,
        "n": n,
        "contaminated": contamination(key.dataset, key.model, key.refiner),
    }


def _cost(row: Row) -> Result:
    return {
        "lost": sum(finding.lost for finding in row.findings),
        "seconds_per_picture": _number(row.seconds / row.frames) if row.seconds else None,
        "share_outside_model": _number(share_outside(row.seconds, row.in_model)) if row.seconds else None,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 6)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _number(float(np.mean(known))) if known else None
