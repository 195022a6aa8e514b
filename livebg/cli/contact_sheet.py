"""A page to judge a run by: some of its moments, each as input, matte and result, in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from livebg.errors import SinkError, SourceError
from livebg.frame import Frame, Image
from livebg.scale import fit_into
from livebg.sources import open_source

_ROLES = ("input", "matte", "result")
_PAGE_WIDTH = 1600  # pixels
_MARGIN, _GAP = 28, 12
_LABEL_WIDTH, _LABEL_HEIGHT = 92, 40  # beside a row, above a column
_PAPER, _INK = (24, 24, 24), (225, 225, 225)  # dark, so that a white matte has an edge


class Moment(NamedTuple):
    """One moment of a run.

    Attributes:
        time: Seconds from the beginning.
        pictures: Input, matte and result, each (H, W, 3) uint8 RGB.
    """

    time: float
    pictures: tuple[Image, Image, Image]


def make_sheet(moments: Sequence[Moment], path: Path) -> None:
    """Lay out moments on one labelled page, 1600 pixels wide.

    Pictures that are wider than high stand in three columns, one moment a row; others in three rows, one moment a
    column. The first moment's input decides.

    Args:
        moments: At least one.
        path: The PNG to write; replaced if it exists.

    Raises:
        SinkError: It cannot be written.
    """
    height, width = moments[0].pictures[0].shape[:2]
    across = width >= height
    cell = _cell_size(Fraction(width, height), len(moments))
    times = [_clock(moment.time) for moment in moments]
    rows = [moment.pictures for moment in moments] if across else list(zip(*(m.pictures for m in moments), strict=True))
    page = _page(rows, cell, row_labels=times if across else _ROLES, column_labels=_ROLES if across else times)
    _, png = cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    try:
        path.write_bytes(png.tobytes())
    except OSError as exc:
        raise SinkError(f"cannot write {path}: {exc.strerror}; choose another place") from exc


def sheet_from_files(read: Path, matte: Path, result: Path, path: Path, moments: int = 6) -> None:
    """Make a sheet of a run from the files that it read and wrote.

    All three are decoded once, side by side. At most ``4 * moments`` of their frames are held, scaled down.

    Args:
        read: The clip or picture that was read.
        matte: Its matte as written.
        result: The composited clip or picture as written.
        path: The PNG to write; replaced if it exists.
        moments: How many, evenly spread; all there are where there are fewer.

    Raises:
        SourceError: One of the three cannot be read, or they differ in their number of frames.
        SinkError: The sheet cannot be written.
    """
    with ExitStack() as stack:
        sources = [stack.enter_context(open_source(each, side=False)) for each in (read, matte, result)]
        aspect = sources[0].info.sample_aspect_ratio
        held: list[Moment] = []
        stride = 1  # doubled whenever enough are held: nobody need know how many there will be
        for index, frames in enumerate(zip_longest(*sources)):
            if None in frames:
                raise SourceError(
                    f"{read}, {matte} and {result} differ in their number of frames: they are not of one run"
                )
            if index % stride:
                continue
            held.append(_scaled(frames, aspect, moments))
            if len(held) == 4 * moments:
                held = held[::2]
                stride *= 2
    spread = np.linspace(0, len(held) - 1, min(moments, len(held))).round().astype(int)
    make_sheet([held[index] for index in spread], path)


def _scaled(frames: Sequence[Frame], aspect: Fraction, moments: int) -> Moment:
    """A moment in the size it will have on the page; pixels become square."""
    size = _cell_size(frames[0].width * aspect / frames[0].height, moments)
    read, matte, result = (fit_into(frame.image, *size, "stretch") for frame in frames)
    return Moment(float(frames[0].pts), (read, matte, result))


def _cell_size(aspect: Fraction, moments: int) -> tuple[int, int]:
    """Width and height of a picture on the page."""
    columns = len(_ROLES) if aspect >= 1 else max(moments, len(_ROLES))
    width = (_PAGE_WIDTH - 2 * _MARGIN - _LABEL_WIDTH - (columns - 1) * _GAP) // columns
    return width, max(1, round(width / aspect))


def _page(
    rows: Sequence[Sequence[Image]],
    cell: tuple[int, int],
    *,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
) -> Image:
    """Pictures in a grid between their labels, (H, 1600, 3) RGB."""
    width, height = cell
    page_height = _LABEL_HEIGHT + _MARGIN + len(rows) * (height + _GAP) - _GAP + _MARGIN
    page = np.full((page_height, _PAGE_WIDTH, 3), _PAPER, np.uint8)
    for row, (pictures, label) in enumerate(zip(rows, row_labels, strict=True)):
        top = _MARGIN + _LABEL_HEIGHT + row * (height + _GAP)
        _write(page, label, _MARGIN, top + height // 2)
        for column, picture in enumerate(pictures):
            left = _MARGIN + _LABEL_WIDTH + column * (width + _GAP)
            page[top : top + height, left : left + width] = fit_into(picture, width, height, "contain")
            if row == 0:
                _write(page, column_labels[column], left, _MARGIN + _LABEL_HEIGHT // 3)
    return page


def _write(page: Image, text: str, left: int, middle: int) -> None:
    """Text that begins at ``left``, centred on the line ``middle``."""
    font, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1
    (_, height), _ = cv2.getTextSize(text, font, scale, thickness)
    cv2.putText(page, text, (left, middle + height // 2), font, scale, _INK, thickness, cv2.LINE_AA)


def _clock(seconds: float) -> str:
    """Seconds as ``4.2 s``, or ``12:04`` from a minute on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
