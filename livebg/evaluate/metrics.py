"""Measures of one picture's map against its mask, and of a whole set.

How a map becomes numbers, here as in the published evaluations: it is quantised to 8 bits (what ``--matte-out`` writes)
and, where asked, stretched so that its least value is 0 and its greatest 1. The mask is what lies above 128.

Why histograms: precision, recall, F, IoU and E at 256 thresholds depend on nothing but how many pixels of the subject
and of the background have each of 256 values. So one pass over a picture gives every curve, a picture's record stays
small, and any subset of pictures (a bootstrap sample, the part done so far) is summed up without reading it again.

Averaging. Every number of a set is the mean of its pictures' numbers (each picture counts the same, large or small),
with exceptions that say so: ``max_f`` and ``mean_f`` average precision and recall over the set first, ``iou_pooled``
counts the pixels of all pictures together, ``iou_p10`` is a percentile, and ``iou_worst`` and ``false_alarms`` are of a
part of the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livebg.evaluate.boundary import boundary_accuracy, boundary_f
from livebg.evaluate.structure import structure_measure, weighted_f
from livebg.frame import Image

BETA2 = 0.3
"""Weight of precision in F: Achanta et al., "Frequency-tuned salient region detection", CVPR 2009."""

LEVELS = 256

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

ALARM = 0.02
"""Mean of a map above which it shows somebody where nobody is."""

PER_IMAGE = ("iou", "precision", "recall", "f_beta", "mae", "s_measure", "weighted_f", "boundary_f", "mba")
"""The measures that one picture has by itself; a set's is their mean."""

HIGHER_IS_BETTER = {"mae": False}
"""Whether more is better, where it is not."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageScore:
    """What one picture contributes.

    Attributes:
        subject: How many pixels of the subject have each of the 256 values, (256,).
        background: The same of the background.
        hits: Pixels of the subject at or above 0.5.
        false: Pixels of the background at or above 0.5.
        missed: Pixels of the subject below 0.5.
        mae: Mean absolute error of the map, 0..1 (Perazzi et al., "Saliency filters", CVPR 2012).
        s_measure: See ``structure.structure_measure``.
        weighted_f: See ``structure.weighted_f``.
        boundary_f: See ``boundary.boundary_f``.
        mba: See ``boundary.boundary_accuracy``; NaN where the mask has no boundary.
    """

    subject: Counts
    background: Counts
    hits: int
    false: int
    missed: int
    mae: float
    s_measure: float
    weighted_f: float
    boundary_f: float
    mba: float

    @property
    def iou(self) -> float:
        """Intersection over union at 0.5; 1 where both are empty."""
        return _ratio(self.hits, self.hits + self.false + self.missed, self._both_empty)

    @property
    def precision(self) -> float:
        """How much of what is called subject is; 0 where nothing is, 1 where nothing should be."""
        return _ratio(self.hits, self.hits + self.false, self._both_empty)

    @property
    def recall(self) -> float:
        """How much of the subject is found at 0.5."""
        return _ratio(self.hits, self.hits + self.missed, self._both_empty)

    @property
    def f_beta(self) -> float:
        """F at 0.5 with beta² = 0.3."""
        return float(f_measure(np.float64(self.precision), np.float64(self.recall)))

    @property
    def _both_empty(self) -> bool:
        return self.hits + self.false + self.missed == 0

    def to_json(self) -> dict[str, Any]:
        """Numbers and lists; every measure stands in it by name, NaN as null."""
        numbers = {name: _rounded(getattr(self, name)) for name in PER_IMAGE}
        counts = {"hits": self.hits, "false": self.false, "missed": self.missed}
        return {**numbers, **counts, "subject": self.subject.tolist(), "background": self.background.tolist()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> ImageScore:
        """The inverse of ``to_json``.

        Raises:
            KeyError, TypeError, ValueError: The record is not one.
        """
        return cls(
            np.asarray(record["subject"], np.int64), np.asarray(record["background"], np.int64),
            int(record["hits"]), int(record["false"]), int(record["missed"]), float(record["mae"]),
            float(record["s_measure"]), float(record["weighted_f"]), float(record["boundary_f"]),
            float("nan") if record["mba"] is None else float(record["mba"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Means over a set at the thresholds 0/255 ... 255/255, each (256,).

    Attributes:
        precision: Mean of the pictures' precision.
        recall: Mean of their recall.
        f_of_means: F of these two: the U²-Net paper's curve.
        f_beta: Mean of the pictures' own F: PySODMetrics' curve.
        iou: Mean of their IoU.
        e_measure: Mean of their E-measure.
    """

    precision: Floats
    recall: Floats
    f_of_means: Floats
    f_beta: Floats
    iou: Floats
    e_measure: Floats


def score_image(matte: Image, mask: Mask, *, stretch: bool) -> ImageScore:
    """Measure one map against its mask.

    Args:
        matte: (H, W) uint8.
        mask: (H, W) bool, the subject.
        stretch: Stretch the map to 0..1 first, as published evaluations do. A flat map stays as it is.

    Returns:
        Everything of this picture that any number of the set is made of.
    """
    values = as_map(matte, stretch=stretch)
    background = ~mask
    # Truncated and not rounded, and back from floating point: the field's library bins so.
    levels = (values * 255).astype(np.uint8)
    everywhere = np.bincount(levels.ravel(), minlength=LEVELS)
    subject = np.bincount(levels[mask], minlength=LEVELS)
    chosen = values >= 0.5
    hits = int(np.count_nonzero(chosen & mask))
    return ImageScore(
        subject=subject,
        background=everywhere - subject,
        hits=hits,
        false=int(np.count_nonzero(chosen & background)),
        missed=int(np.count_nonzero(mask)) - hits,
        mae=float(np.abs(values - mask).mean()),
        s_measure=structure_measure(values, mask),
        weighted_f=weighted_f(values, mask),
        boundary_f=boundary_f(chosen, mask),
        mba=boundary_accuracy(chosen, mask),
    )


def as_map(matte: Image, *, stretch: bool) -> Floats:
    """8 bits to 0..1, stretched to the whole of it where asked and possible."""
    values: Floats = matte / 255
    low, high = values.min(), values.max()
    if stretch and high > low:
        values = (values - low) / (high - low)
    return values


def summarise(scores: Sequence[ImageScore]) -> dict[str, float]:
    """The numbers of a set, by name.

    Args:
        scores: At least one.

    Returns:
        ``PER_IMAGE`` at 0.5 or over the whole map; ``max_*`` and ``mean_*`` over 256 thresholds; ``max_f`` and
        ``mean_f`` as the U²-Net paper has them, ``max_f_sod`` and ``mean_f_sod`` as PySODMetrics; ``e_measure`` is
        the mean over thresholds, ``max_e_measure`` the maximum; ``iou_p10`` is the tenth percentile of IoU (nine in
        ten pictures have more; between two pictures, interpolated), ``iou_worst`` the mean IoU of the worst tenth of
        the pictures (at least one), ``false_alarms`` the part of the pictures with nobody in which the map's mean is
        above ``ALARM``. NaN where no picture has a value.
    """
    row = {name: _mean_known(np.array([getattr(score, name) for score in scores], np.float64)) for name in PER_IMAGE}
    union = sum(score.hits + score.false + score.missed for score in scores)
    row["iou_pooled"] = _ratio(sum(score.hits for score in scores), union, union == 0)
    ious = np.sort([score.iou for score in scores])
    row["iou_p10"] = float(np.percentile(ious, 10))
    row["iou_worst"] = float(ious[: max(1, round(len(ious) / 10))].mean())
    empty = np.array([score.mae for score in scores if not score.subject.any()])
    row["false_alarms"] = float((empty > ALARM).mean()) if empty.size else float("nan")
    return row | best_and_mean(curves_of(scores))


def best_and_mean(curves: Curves) -> dict[str, float]:
    """Maximum and mean of every curve over its 256 thresholds."""
    named = {
        "f": curves.f_of_means, "f_sod": curves.f_beta, "iou": curves.iou, "precision": curves.precision,
        "recall": curves.recall,
    }  # fmt: skip
    row = {f"max_{name}": float(curve.max()) for name, curve in named.items()}
    row |= {f"mean_{name}": float(curve.mean()) for name, curve in named.items()}
    return row | {"e_measure": float(curves.e_measure.mean()), "max_e_measure": float(curves.e_measure.max())}


def curves_of(scores: Sequence[ImageScore]) -> Curves:
    """The mean curves of a set."""
    precision, recall, f_beta, iou, e_measure = (
        table.mean(axis=0)
        for table in threshold_tables(
            np.stack([score.subject for score in scores]), np.stack([score.background for score in scores])
        )
    )
    return Curves(precision, recall, f_measure(precision, recall), f_beta, iou, e_measure)


def threshold_tables(subject: Counts, background: Counts) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Precision, recall, F, IoU and E-measure of every picture at every threshold.

    Args:
        subject: (N, 256) counts of the subject's values.
        background: (N, 256) counts of the background's.

    Returns:
        Five arrays (N, 256). Where nothing is chosen or nothing is there, precision, recall and F are 0 (as in
        PySODMetrics), and IoU is 1 where both hold.
    """
    hits, false = (np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] for counts in (subject, background))
    there, size = subject.sum(axis=1, keepdims=True), (subject + background).sum(axis=1, keepdims=True)
    precision = hits / np.maximum(hits + false, 1)
    recall = hits / np.maximum(there, 1)
    union = there + false
    iou = np.where(union > 0, hits / np.maximum(union, 1), 1.0)
    return precision, recall, f_measure(precision, recall), iou, _alignment(hits, false, there, size)


def f_measure(precision: Floats | np.float64, recall: Floats | np.float64) -> Floats:
    """(1 + beta²) P R / (beta² P + R); 0 where both are."""
    below = BETA2 * precision + recall
    return np.asarray((1 + BETA2) * precision * recall / np.where(below > 0, below, 1.0))


def _alignment(hits: Counts, false: Counts, there: Counts, size: Counts) -> Floats:
    """E-measure: Fan et al., "Enhanced-alignment measure for binary foreground map evaluation", IJCAI 2018.

    A thresholded map and a mask are both binary, so a picture has four kinds of pixels, each with one value of the
    alignment matrix; the sum over the picture is a sum of four products. Divided by N - 1, as the authors' code does.
    """
    chosen, share_there = hits + false, there / size
    share_chosen = chosen / size
    total = np.zeros(hits.shape)
    kinds = (
        (hits, 1, 1), (false, 1, 0), (there - hits, 0, 1), (size - chosen - there + hits, 0, 0),
    )  # fmt: skip
    for count, in_map, in_mask in kinds:
        a, b = in_map - share_chosen, in_mask - share_there
        align = 2 * a * b / (a * a + b * b + np.spacing(1))
        total += count * (align + 1) ** 2 / 4
    total = np.where(there == 0, size - chosen, np.where(there == size, chosen, total))
    return np.asarray(total / np.maximum(size - 1, 1))


def _ratio(part: int, whole: int, both_empty: bool) -> float:
    return 1.0 if both_empty else part / max(whole, 1)


def _mean_known(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 9)
