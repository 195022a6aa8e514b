"""What tells one row of ``livebg eval`` from another: the set, the model or the tool, and every setting."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from livebg.build import refiner_of
from livebg.config import Config, Section, SegmentConfig
from livebg.evaluate.given import Given
from livebg.evaluate.store import RowKey
from livebg.segment import Segmenter
from livebg.segment.segmenter import packaged_models

Kind = Literal["images", "video"]


def key_of_model(kind: Kind, name: str, root: str, segmenter: Segmenter, setting: Config, *, seed: int) -> RowKey:
    """The row of a model on a set of pictures, or a folder of clips, at ``root``."""
    width, height = segmenter.size
    segment = setting.segment
    return RowKey(
        kind, name, str(Path(root).resolve()), segmenter.model, _stamp(segment.model),
        f"{width}" if width == height else f"{width}x{height}",
        _alpha_in_words(segment),
        segment.normalise, f"{segmenter.runtime} {segmenter.device} {segmenter.precision}".removesuffix(" full"),
        refine=_words(setting.refine.model_copy(update={"refine": refiner_of(setting.refine, segmenter.device)})),
        smooth="none" if kind == "images" else _words(setting.smooth), seed=seed,
    )  # fmt: skip


def key_of_mattes(kind: Kind, name: str, root: str, given: Given) -> RowKey:
    """The row of another tool's mattes on a set of pictures, or a folder of clips, at ``root``."""
    return RowKey(
        kind, name, str(Path(root).resolve()), given.name, str(given.folder.resolve()),
        size="", alpha="", normalise="", runtime="", refine="", smooth="",
    )  # fmt: skip


def _alpha_in_words(segment: SegmentConfig) -> str:
    subjects = "" if segment.subjects == "all" else f", {segment.subjects} subjects"
    return segment.alpha + subjects + ("" if segment.doubtful == "drop" else ", doubtful kept")


def _words(section: Section) -> str:
    """A section's settings in short: its main key's value, and the others where they are not the default."""
    (main, value), *others = section
    fields = type(section).model_fields
    return " ".join(
        [str(value), *(f"{key.removeprefix(f'{main}_')} {each}" for key, each in others if each != fields[key].default)]
    )


def _stamp(model: str) -> str:
    """Tells a file from another that bore the name before; empty for published weights, which do not change."""
    path = packaged_models().get(model, Path(model))
    if not path.is_file():
        return ""
    stat = path.stat()
    return f"{stat.st_size}.{stat.st_mtime_ns}"
