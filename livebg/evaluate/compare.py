"""Two rows against each other, item by item: how large the difference is, and whether it is more than chance.

The interval is a paired bootstrap's (Efron, 1979): the same items are drawn again and again, with replacement, for both
rows, and 95 % of the differences lie within it. An interval that holds 0 is within noise. Pictures are drawn one by
one. Frames of a clip resemble each other, so stretches of 25 frames are drawn, clip by clip; with few clips this says
how sure the difference is on these clips, not on others. Where less than eight pictures or stretches are there to draw,
the interval is too narrow to be believed, and nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livebg.errors import UsageError
from livebg.evaluate.honesty import contamination
from livebg.evaluate.metrics import HIGHER_IS_BETTER, PER_IMAGE, ImageScore, f_measure, threshold_tables
from livebg.evaluate.store import Row, read_row, read_rows

Floats = NDArray[np.float64]

ROUNDS = 2000
CONFIDENCE = 0.95

_BLOCK = 25
_FEW = 8
_VIDEO_BETTER = {"iou": True, "boundary_f": True}  # of clips, less of everything else is better


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two rows.

    Attributes:
        measure: Its name.
        first: The first row's value on the common items.
        second: The second row's.
        low: Lower end of the interval of ``second - first``.
        high: Upper end.
        higher_is_better: Whether more is better.
        drawn: How many pictures, or stretches of frames, there were to draw.
    """

    measure: str
    first: float
    second: float
    low: float
    high: float
    higher_is_better: bool
    drawn: int

    @property
    def difference(self) -> float:
        """Second less first."""
        return self.second - self.first

    @property
    def verdict(self) -> str:
        """What it says of the second row."""
        if self.low <= 0 <= self.high:
            return "within noise"
        if self.drawn < _FEW:
            return "too few to tell"
        return "better" if (self.difference > 0) == self.higher_is_better else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rows on their common items.

    Attributes:
        first: The first row's label.
        second: The second's.
        items: How many pictures or clips both have.
        left_out: How many only one of them has, or measured on other files or fewer frames.
        unweighted: Clips whose flicker is not compared: an earlier livebg measured it, which did not keep how many
            pixels were still in each frame.
        contaminated: Why numbers of these two are not held-out; empty where they are.
        differences: One a measure.
    """

    first: str
    second: str
    items: int
    left_out: int
    unweighted: tuple[str, ...]
    contaminated: tuple[str, ...]
    differences: tuple[Difference, ...]


def rows_to_compare(paths: Sequence[str]) -> list[tuple[Row, Row]]:
    """Which rows to hold against each other.

    Args:
        paths: Report folders, or single files of their folder ``items``. One folder: its first row of each set against
            the others of that set. Several: for each set, the first's row against the one of each further, matched by
            setting where there is more than one.

    Raises:
        UsageError: It cannot be told which rows are meant, or none fit together.
        SourceError: There are no results.
        LivebgError: A file is not one of ours.
    """
    groups = [read_rows(path) if path.is_dir() else [read_row(path)] for path in map(Path, paths)]
    groups = [[row for row in rows if row.items] for rows in groups]
    if len(groups) == 1:
        chosen = []
        for row in groups[0]:
            first = next(each for each in groups[0] if _set_of(each) == _set_of(row))
            if first is not row:
                chosen.append((first, row))
        if not chosen:
            raise UsageError(f"{paths[0]}: there is one row a set, nothing to compare; give a second report")
        return chosen
    pairs = [pair for other in groups[1:] for pair in _matched(groups[0], other)]
    if not pairs:
        raise UsageError(f"{' and '.join(paths)}: no set was measured in both")
    return pairs


def compare(first: Row, second: Row, *, rounds: int = ROUNDS, seed: int = 0) -> Comparison:
    """Hold two rows of one set against each other.

    Raises:
        UsageError: They have no item in common.
    """
    common = [name for name in sorted(first.items) if name in second.items and _same(first, second, name)]
    if not common:
        raise UsageError(f"{first.key.label} and {second.key.label} have no item in common")
    rng = np.random.default_rng(seed)
    differences = (
        _of_pictures(first, second, common, rounds, rng)
        if first.key.kind == "images"
        else _of_clips(first, second, common, rounds, rng)
    )
    left_out = len(first.items.keys() | second.items.keys()) - len(common)
    clips = common if first.key.kind == "video" else ()
    unweighted = tuple(name for name in clips if _lacks_weights([row.items[name] for row in (first, second)]))
    marks = [contamination(row.key.dataset, row.key.model, row.key.refiner) for row in (first, second)]
    contaminated = tuple(dict.fromkeys(mark for mark in marks if mark))
    labels = _label(first, second), _label(second, first)
    return Comparison(*labels, len(common), left_out, unweighted, contaminated, tuple(differences))


def _same(first: Row, second: Row, name: str) -> bool:
    """Whether an item's numbers are of the same files in both, and of as many frames where it is a clip."""
    frames = [row.items[name].get("frames") for row in (first, second)]
    return first.files(name) == second.files(name) and frames[0] == frames[1]


def _of_pictures(
    first: Row, second: Row, names: Sequence[str], rounds: int, rng: np.random.Generator
) -> list[Difference]:
    shares = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), rounds) / len(names)
    once = np.full((1, len(names)), 1 / len(names))
    scores = [[ImageScore.from_json(row.items[name]) for name in names] for row in (first, second)]
    made = []
    for measure in PER_IMAGE:
        values = [np.array([getattr(score, measure) for score in each]) for each in scores]
        known = ~np.isnan(values[0]) & ~np.isnan(values[1])
        if known.any():
            points, samples = (
                [_weighted(weights[:, known], each[known]) for each in values] for weights in (once, shares)
            )
            drawn = int(np.count_nonzero(known))
            made.append(_difference(measure, points, samples, HIGHER_IS_BETTER.get(measure, True), drawn))
    tables = [
        threshold_tables(np.stack([s.subject for s in each]), np.stack([s.background for s in each])) for each in scores
    ]
    for measure, best in (("max_f", _best_of_means), ("max_f_sod", _best_mean)):
        points, samples = ([best(weights, table) for table in tables] for weights in (once, shares))
        made.append(_difference(measure, points, samples, True, len(names)))
    return made


def _of_clips(first: Row, second: Row, names: Sequence[str], rounds: int, rng: np.random.Generator) -> list[Difference]:
    made = []
    measures = dict.fromkeys(measure for name in names for measure in first.items[name]["series"])
    for measure in measures:
        points, samples = np.zeros((2, 1)), np.zeros((2, rounds))
        clips = drawn = 0
        for name in names:
            values, weights = _series([row.items[name] for row in (first, second)], measure)
            if not values.size:
                continue
            clips += 1
            drawn += len(_stretches(values))
            points[:, 0] += np.average(values, axis=1, weights=weights)
            samples += _block_means(values, weights, rounds, rng)
        if clips:
            better = _VIDEO_BETTER.get(measure, False)
            made.append(_difference(measure, list(points / clips), list(samples / clips), better, drawn))
    return made


def _series(records: Sequence[Mapping[str, Any]], measure: str) -> tuple[Floats, Floats]:
    """Values of a measure in two records of a clip, and what each counts; both (2, N), of frames that both know."""
    found = [record["series"].get(measure) for record in records]
    if any(each is None for each in found) or (measure == "flicker" and _lacks_weights(records)):
        return np.empty((2, 0)), np.empty((2, 0))
    values = np.array([[np.nan if value is None else value for value in each] for each in found], np.float64)
    known = ~np.isnan(values).any(axis=0)
    if measure != "flicker":
        return values[:, known], np.ones((2, np.count_nonzero(known)))
    # Its clip's number is that of all still pixels, as in the table, and they are not as many in each frame.
    return values[:, known], np.array([record["still"] for record in records], np.float64)[:, known]


def _lacks_weights(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a clip's flicker is there and cannot be compared."""
    return all("flicker" in each["series"] for each in records) and not all("still" in each for each in records)


def _block_means(values: Floats, weights: Floats, rounds: int, rng: np.random.Generator) -> Floats:
    """Weighted means of (2, N) series over blocks drawn with replacement, (2, rounds)."""
    starts = _stretches(values)
    sums, sizes = (np.add.reduceat(each, starts, axis=1) for each in (values * weights, weights))
    drawn = rng.integers(0, len(starts), (rounds, len(starts)))
    return np.asarray(sums[:, drawn].sum(axis=2) / sizes[:, drawn].sum(axis=2))


def _stretches(values: Floats) -> NDArray[np.int64]:
    """Where the blocks of (2, N) series begin."""
    return np.arange(0, values.shape[1], _BLOCK, dtype=np.int64)


def _weighted(weights: Floats, values: Floats) -> Floats:
    total = weights.sum(axis=1)
    return np.asarray(weights @ values / np.where(total > 0, total, 1))


def _best_of_means(weights: Floats, table: tuple[Floats, ...]) -> Floats:
    return np.asarray(f_measure(weights @ table[0], weights @ table[1]).max(axis=1))


def _best_mean(weights: Floats, table: tuple[Floats, ...]) -> Floats:
    return np.asarray((weights @ table[2]).max(axis=1))


def _difference(
    measure: str, points: Sequence[Floats], samples: Sequence[Floats], higher_is_better: bool, drawn: int
) -> Difference:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(samples[1] - samples[0], [tail, 1 - tail])
    return Difference(
        measure, float(points[0][0]), float(points[1][0]), float(low), float(high), higher_is_better, drawn
    )


def _set_of(row: Row) -> tuple[str, str]:
    return row.key.kind, row.key.dataset


def _setting(row: Row) -> tuple[object, ...]:
    key = row.key
    return key.model, key.size, key.alpha, key.normalise, key.refine, key.smooth, key.limit


def _matched(firsts: Sequence[Row], seconds: Sequence[Row]) -> list[tuple[Row, Row]]:
    pairs = []
    for name in dict.fromkeys(_set_of(row) for row in firsts):
        ours, theirs = ([row for row in rows if _set_of(row) == name] for rows in (firsts, seconds))
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], theirs[0]))
            continue
        by_setting = {_setting(row): row for row in theirs}
        same = [(row, by_setting[_setting(row)]) for row in ours if _setting(row) in by_setting]
        if theirs and not same:
            raise UsageError(
                f"{name[1]}: several rows and no two of one setting; give files of the folders items, one row each"
            )
        pairs += same
    return pairs


def _label(row: Row, other: Row) -> str:
    """What tells a row from the other, settings included where only they differ."""
    if row.key.label != other.key.label:
        return row.key.label
    settings = [("alpha", row.key.alpha), ("normalise", row.key.normalise), ("runtime", row.key.runtime)]
    differ = [f"{name} {value}" for name, value in settings if value != getattr(other.key, name)]
    return " ".join([row.key.label, *differ])
