"""Results as they come: one file of JSON lines a row, so that a run that was cut short goes on where it stopped.

A row is one model under one setting on one set. Its file's name ends in a digest of all that its numbers depend on
(``RowKey``): another size, another checkpoint or another sample is another file, and never continues this one. The
first line is the key, each further line an item, names of items that are no more, the findings of a run or the time it
took. A line that was cut off is dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from livebg.errors import LivebgError, SinkError, SourceError
from livebg.evaluate.samples import Finding
from livebg.stages import Closing

VERSION = 2
"""Raised when a measure's definition changes: older items are then measured again."""

ITEMS = "items"
MATTES = "mattes"


@dataclass(frozen=True, slots=True)
class RowKey:
    """All that a row's numbers depend on.

    Attributes:
        kind: Pictures or clips.
        dataset: The set's name.
        root: Where it lies.
        model: By name, or a checkpoint's file name.
        weights: What tells these weights from others of the same name; empty for published ones. Of mattes that another
            tool made, their folder; ``size`` to ``smooth`` are then empty, since nothing is known of them.
        size: What the model sees: "320" or "256x144".
        alpha: How scores become alpha.
        normalise: Whether each map is stretched, and measured stretched.
        runtime: What computes the model, and on what.
        refine: Which refiner, and its settings where they are not the default.
        smooth: Which smoother.
        limit: How many of the set, chosen by ``seed``; ``None`` for all.
        seed: Of the sample, and of the sensor noise.
    """

    kind: Literal["images", "video"]
    dataset: str
    root: str
    model: str
    weights: str
    size: str
    alpha: str
    normalise: str
    runtime: str
    refine: str = "none"
    smooth: str = "none"
    limit: int | None = None
    seed: int = 0

    @property
    def refiner(self) -> str:
        """The refiner without its settings."""
        return self.refine.split(" ")[0] or "none"

    @property
    def label(self) -> str:
        """What tells it from other rows, for people."""
        words = [self.dataset, self.model] + [self.size] * bool(self.size)
        words += [f"refine {self.refine}"] * (self.refine not in ("none", ""))
        words += [f"smooth {self.smooth}"] * (self.smooth not in ("none", ""))
        words += [f"sample of {self.limit}"] * (self.limit is not None)
        return " ".join(words)

    @property
    def slug(self) -> str:
        """A file name: readable, and different for different keys."""
        text = json.dumps([VERSION, asdict(self)], sort_keys=True)
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.dataset}-{self.model}-{self.size}").strip("-.")
        return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class Row(Closing):
    """A row's items so far, in memory and, where there is a folder, on disk.

    Attributes:
        key: What it is.
        began: When, in seconds since 1970.
        items: Records by name, each with its ``findings`` and its ``stamp``: a word for the item's own files and, after
            a space, whatever else its numbers depend on that another row of the set may have otherwise.
        general: What was found in the last run and belongs to no item: what could not be measured.
        seconds: Time spent on it.
        in_model: How much of that in the model.
        frames: Pictures that this time was spent on.
    """

    key: RowKey
    began: float = 0.0
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    general: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    in_model: float = 0.0
    frames: int = 0
    _file: IO[str] | None = None

    @property
    def findings(self) -> list[Finding]:
        """All that its user should know: of the set, and of each item."""
        own = [Finding(**finding) for item in self.items.values() for finding in item["findings"]]
        return [*self.general, *own]

    def has(self, name: str, stamp: str) -> bool:
        """Whether this item is there, measured on these very files."""
        return name in self.items and self.items[name]["stamp"] == stamp

    def files(self, name: str) -> str:
        """The part of an item's stamp that rows must share to be compared."""
        return str(self.items[name]["stamp"]).partition(" ")[0]

    def add(self, name: str, stamp: str, record: dict[str, Any], findings: Sequence[Finding] = ()) -> None:
        """Keep one item's numbers, and what was found about it.

        Raises:
            SinkError: They cannot be written.
        """
        self.items[name] = {"stamp": stamp, "findings": [asdict(each) for each in findings], **record}
        self._write({"item": name, **self.items[name]})

    def conclude(self, findings: Sequence[Finding], *, seconds: float, in_model: float, frames: int) -> None:
        """Keep what was found, replacing what was, and add the time spent."""
        self.general = list(findings)
        self.seconds += seconds
        self.in_model += in_model
        self.frames += frames
        self._write({"general": [asdict(finding) for finding in findings]})
        self._write({"seconds": seconds, "in_model": in_model, "frames": frames})

    def keep_only(self, stamps: Mapping[str, str]) -> None:
        """Forget items that are no longer in the set, or were measured on files that are no longer these.

        Args:
            stamps: Of what is in the set now, by name.

        Raises:
            SinkError: This cannot be written.
        """
        gone = [name for name in self.items if not self.has(name, stamps.get(name, ""))]
        if gone:
            self._write({"gone": gone})
        self.items = {name: self.items[name] for name in stamps if name in self.items and name not in gone}

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written was reported when it was
                self._file.close()
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as exc:
            raise cannot_write(self._file.name, exc) from exc


class Store:
    """The folder of a report, as far as it holds items."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        """Make the folder where it is missing.

        Args:
            folder: Where the report goes.
            fresh: Forget all rows that are there, and their mattes.

        Raises:
            SinkError: It cannot be written to.
        """
        self.folder = folder
        try:
            (folder / ITEMS).mkdir(parents=True, exist_ok=True)
            if fresh:
                _forget(folder)
        except OSError as exc:
            raise cannot_write(folder, exc) from exc

    def open(self, key: RowKey) -> Row:
        """The row of this key, with what an earlier run left.

        Raises:
            SinkError: Its file cannot be written.
            LivebgError: Its file is not one of ours.
        """
        path = self.folder / ITEMS / f"{key.slug}.jsonl"
        try:
            begun = _drop_cut_line(path) > 0
            row = read_row(path) if begun else Row(key, began=time.time())
            row._file = path.open("a", encoding="utf-8")
        except OSError as exc:
            raise cannot_write(path, exc) from exc
        if not begun:
            row._write({"key": asdict(key), "began": row.began})
        return row

    def mattes(self, key: RowKey) -> Path:
        """The folder of a row's mattes."""
        return self.folder / MATTES / key.slug


def read_rows(folder: Path) -> list[Row]:
    """The rows of a report, in the order in which they were begun.

    Raises:
        SourceError: There is none.
        LivebgError: A file is not one of ours.
    """
    rows = [read_row(path) for path in sorted((folder / ITEMS).glob("*.jsonl"))]
    if not rows:
        raise SourceError(f"{folder}: no results in it; write some with livebg eval ... --report {folder}")
    return sorted(rows, key=lambda row: row.began)


def read_row(path: Path) -> Row:
    """One row from its file.

    Raises:
        LivebgError: It cannot be read or is not one of ours.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        head = json.loads(lines[0])
        row = Row(RowKey(**head["key"]), began=head["began"])
        for line in lines[1:-1]:  # what follows the last line end is empty, or cut off
            _take(row, json.loads(line))
    except OSError as exc:
        raise SourceError(f"cannot read {path}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise LivebgError(f"{path} is damaged or not a row of results: start over with --fresh") from exc
    return row


def cannot_write(path: Path | str, error: OSError) -> SinkError:
    """The one line for a full disk and its like."""
    return SinkError(f"cannot write the report {path}: {error.strerror}")


def _take(row: Row, line: dict[str, Any]) -> None:
    if "item" in line:
        row.items[line.pop("item")] = line
    elif "gone" in line:
        for name in line["gone"]:
            row.items.pop(name, None)
    elif "general" in line:
        row.general = [Finding(**finding) for finding in line["general"]]
    else:
        row.seconds += line["seconds"]
        row.in_model += line["in_model"]
        row.frames += line["frames"]


def _drop_cut_line(path: Path) -> int:
    """Cut a file behind its last whole line; gives its size then, 0 where there is none."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return whole


def _forget(folder: Path) -> None:
    for row in (folder / ITEMS).glob("*.jsonl"):
        row.unlink()
    for matte in (folder / MATTES).glob("*/*.png"):
        matte.unlink()
