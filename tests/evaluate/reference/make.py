"""Worked numbers for the measures of pictures, from the field's own library in an environment of its own.

PySODMetrics pins an OpenCV and a NumPy that livebg cannot share, so it does not run in the tests; what it says of the
pictures in ``tests/evaluate/cases.py`` is kept in ``expected.json``. To make that file again:

    python3 -m venv /tmp/reference
    /tmp/reference/bin/pip install pysodmetrics==1.6.2
    /tmp/reference/bin/python -m tests.evaluate.reference.make > tests/evaluate/reference/expected.json

Boundary F and mBA are not in that library: here they are written from their papers with scikit-image's dilation,
another way than ours. With two folders (8-bit maps, masks; paired by stem) it prints that set's numbers instead, for a
check by hand:

    /tmp/reference/bin/python -m tests.evaluate.reference.make MAPS MASKS
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
from py_sod_metrics import MAE, Emeasure, Fmeasure, Smeasure, WeightedFmeasure
from skimage.morphology import dilation, disk

from tests.evaluate.cases import cases


def measure(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    f, e, s, w, mae = Fmeasure(), Emeasure(), Smeasure(), WeightedFmeasure(), MAE()
    outlines, bands = [], []
    for matte, mask in pairs:
        for meter in (f, e, s, w, mae):
            meter.step(pred=matte, gt=mask)
        values = matte / 255
        if values.max() > values.min():
            values = (values - values.min()) / (values.max() - values.min())
        outlines.append(boundary_f(values >= 0.5, mask > 128))
        bands.append(boundary_accuracy(values >= 0.5, mask > 128))
    curve, (p, r) = f.get_results()["fm"]["curve"], f.get_results()["pr"].values()
    of_means = 1.3 * p * r / np.where(0.3 * p + r > 0, 0.3 * p + r, 1)
    alignment = e.get_results()["em"]["curve"]
    known = [band for band in bands if band is not None]
    return {
        "max_f_sod": float(curve.max()),
        "mean_f_sod": float(curve.mean()),
        "max_f": float(of_means.max()),
        "mean_precision": float(p.mean()),
        "mean_recall": float(r.mean()),
        "e_measure": float(alignment.mean()),
        "max_e_measure": float(alignment.max()),
        "s_measure": float(s.get_results()["sm"]),
        "weighted_f": float(w.get_results()["wfm"]),
        "mae": float(mae.get_results()["mae"]),
        "boundary_f": float(np.mean(outlines)),
        "mba": float(np.mean(known)) if known else None,
    }


def outline(mask: np.ndarray) -> np.ndarray:
    found = np.zeros_like(mask)
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            beside = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if y == height - 1 or x == width - 1:
                beside = [at for at in beside if at[0] < height and at[1] < width]
            found[y, x] = any(mask[at] != mask[y, x] for at in beside)
    return found


def boundary_f(chosen: np.ndarray, mask: np.ndarray) -> float:
    reach = disk(int(np.ceil(0.008 * np.linalg.norm(mask.shape))))
    ours, theirs = outline(chosen), outline(mask)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    p = (ours & dilation(theirs, reach)).sum() / ours.sum()
    r = (theirs & dilation(ours, reach)).sum() / theirs.sum()
    return 0.0 if p + r == 0 else 2 * p * r / (p + r)


def boundary_accuracy(chosen: np.ndarray, mask: np.ndarray) -> float | None:
    shares = []
    for step in range(5):
        radius = 1 + int((sum(mask.shape) / 300 - 1) / 5 * step)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        high = dilation(np.pad(mask, radius, mode="edge"), kernel)[radius:-radius, radius:-radius]
        low = ~dilation(np.pad(~mask, radius, mode="edge"), kernel)[radius:-radius, radius:-radius]
        band = high & ~low
        if not band.any():
            return None
        shares.append((chosen == mask)[band].mean())
    return float(np.mean(shares))


def folders(maps: str, masks: str) -> list[tuple[np.ndarray, np.ndarray]]:
    there = {path.stem: path for path in Path(masks).iterdir()}
    paths = [(path, there[path.stem]) for path in sorted(Path(maps).iterdir())]
    return [(cv2.imread(str(a), cv2.IMREAD_GRAYSCALE), cv2.imread(str(b), cv2.IMREAD_GRAYSCALE)) for a, b in paths]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if len(sys.argv) == 3:
        answer = measure(folders(*sys.argv[1:]))
    else:
        every = cases()
        answer = {name: measure([pair]) for name, pair in every.items()}
        answer["the whole set"] = measure(list(every.values()))
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
