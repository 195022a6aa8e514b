"""Measuring a model on a set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import cv2

from livebg.errors import SourceError
from livebg.evaluate.datasets import ImageSet, Pair
from livebg.evaluate.given import StillMattes
from livebg.evaluate.harness import Samples, measure
from livebg.evaluate.metrics import score_image
from livebg.evaluate.samples import Sample, read_sample
from livebg.evaluate.store import Row, cannot_write
from livebg.frame import Image
from livebg.pipeline import Matting, RunReport

MASK_ABOVE = 128
"""A mask's subject is what lies above: as PySODMetrics cuts it."""


def evaluate_images(
    dataset: ImageSet,
    pairs: Sequence[Pair],
    matting: Matting | StillMattes,
    row: Row,
    *,
    mattes: Path | None = None,
    progress: Callable[[RunReport], None] | None = None,
) -> None:
    """Measure the pairs that the row does not have yet.

    Args:
        dataset: The set.
        pairs: Those of its pairs that are wanted (see ``ImageSet.sample``).
        matting: Under the setting that the row's key names; or mattes that are there already.
        row: Takes the numbers as they come, and in the end the findings: unreadable files, odd masks, lonely files.
        mattes: A folder that takes the mattes as 8-bit PNGs.
        progress: Called after each picture.

    Raises:
        SourceError: No pair of the set could be measured.
        SinkError: Numbers or mattes cannot be written.
        LivebgError: Whatever the model raised.
    """
    stamps = {pair.name: stamp_of(pair, matting) for pair in pairs}
    row.keep_only(stamps)
    todo = {pair.name: pair for pair in pairs if not row.has(pair.name, stamps[pair.name])}
    stretch = row.key.normalise == "minmax"
    loads = [partial(read_sample, pair.name, pair.image, pair.mask, soft=dataset.soft) for pair in todo.values()]

    def score(sample: Sample, matte: Image) -> None:
        assert sample.truth is not None
        found = score_image(matte, sample.truth > MASK_ABOVE, stretch=stretch)
        if mattes is not None:
            write_matte(mattes / f"{sample.name}.png", matte)
        pair = todo[sample.name]
        where = {"image": str(pair.image.resolve()), "mask": str(pair.mask.resolve())}
        row.add(pair.name, stamps[pair.name], {**where, **found.to_json()}, sample.notes)

    findings = list(dataset.findings)
    report = RunReport()
    if loads:
        # Where nothing that is left to do can be read, the run has no frame: the findings name each file.
        with Samples(dataset.name, loads, stills=True) as source, suppress(SourceError):
            if isinstance(matting, StillMattes):
                report, missing = matting.score(source, score, progress)
                findings += missing
            else:
                report = measure(source, source.take, matting, score, progress)
        findings += source.findings
    if isinstance(matting, StillMattes):
        findings += matting.findings({pair.name for pair in dataset.pairs})
    row.conclude(findings, seconds=report.seconds, in_model=report.in_matting, frames=report.frames)
    if not row.items:
        raise SourceError(f"{dataset.name}: none of {len(pairs)} pairs could be measured; the last: {findings[-1]}")


def stamp_of(pair: Pair, matting: Matting | StillMattes) -> str:
    """Changes when a file does that the pair's numbers are made of."""
    return f"{pair.stamp} mattes {matting.stamp(pair.name)}" if isinstance(matting, StillMattes) else pair.stamp


def write_matte(path: Path, matte: Image) -> None:
    """An 8-bit PNG, compressed lightly: it is written between two inferences.

    Raises:
        SinkError: It cannot be written.
    """
    _, encoded = cv2.imencode(".png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded.tobytes())
    except OSError as exc:
        raise cannot_write(path, exc) from exc
