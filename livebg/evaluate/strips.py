"""Pictures beside numbers: the worst and the middling, as strips of input, truth, matte and error."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from livebg.errors import SourceError
from livebg.evaluate.metrics import ImageScore
from livebg.evaluate.samples import read_picture, read_sample
from livebg.frame import Image

WORST, MEDIAN = 20, 10

_WIDTH = 200
_GAP = 4
_MISSED, _FALSE = (33, 102, 172), (214, 73, 51)  # RGB: blue where the subject is lost, red where the room is kept


@dataclass(frozen=True, slots=True)
class Strip:
    """One picture's strip.

    Attributes:
        name: The picture's.
        iou: At 0.5.
        mae: Over the map.
        data: A JPEG as a data address.
    """

    name: str
    iou: float
    mae: float
    data: str


@dataclass(frozen=True, slots=True)
class Files:
    """Where a strip's three pictures lie."""

    image: Path
    mask: Path
    matte: Path


def choose(scores: dict[str, ImageScore]) -> tuple[list[str], list[str]]:
    """Names of the twenty worst pictures by IoU, the worst first, and of the ten around the median.

    In a small set the worst may be among the ten as well.
    """
    ordered = sorted(scores, key=lambda name: (scores[name].iou, name))
    start = max(0, (len(ordered) - MEDIAN) // 2)
    return ordered[:WORST], ordered[start : start + MEDIAN]


def strips(names: Sequence[str], scores: dict[str, ImageScore], files: dict[str, Files]) -> list[Strip]:
    """The strips of these pictures; one whose files are gone is left out."""
    made = []
    for name in names:
        if name not in files or not files[name].matte.exists():
            continue
        try:
            picture = draw(files[name])
        except SourceError:
            continue
        made.append(Strip(name, scores[name].iou, scores[name].mae, as_data(picture)))
    return made


def draw(files: Files) -> Image:
    """Input, truth, matte and error side by side, each 200 pixels wide.

    The error is white where matte and truth agree, blue where the subject is missed, red where background is kept.

    Raises:
        SourceError: A file cannot be read.
    """
    sample = read_sample("", files.image, files.mask, soft=True)
    matte = np.ascontiguousarray(read_picture(files.matte)[..., 0])
    assert sample.truth is not None
    if matte.shape != sample.truth.shape:
        raise SourceError(f"{files.matte}: not of its picture's size")
    return side_by_side([sample.image, sample.truth, matte, error_picture(matte, sample.truth)])


def error_picture(matte: Image, truth: Image) -> Image:
    """Signed error as colour, (H, W, 3)."""
    off = (matte.astype(np.float32) - truth) / np.float32(255)
    white = np.full((*matte.shape, 3), 255, np.float32)
    for strength, colour in ((np.clip(off, 0, 1), _FALSE), (np.clip(-off, 0, 1), _MISSED)):
        white += strength[..., None] * (np.array(colour, np.float32) - 255)
    return np.rint(white).astype(np.uint8)


def side_by_side(pictures: Sequence[Image]) -> Image:
    """Gray or RGB pictures of one size, scaled to one width, with gaps."""
    height, width = pictures[0].shape[:2]
    size = (_WIDTH, max(1, round(height * _WIDTH / width)))
    cells: list[Image] = []
    for picture in pictures:
        rgb = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        if cells:
            cells.append(np.full((size[1], _GAP, 3), 255, np.uint8))
        cells.append(np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8))
    return np.concatenate(cells, axis=1)


def as_data(picture: Image) -> str:
    """A picture as a JPEG inside an address, for a page that needs no other file."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
