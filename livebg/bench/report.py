"""``livebg bench report``: tables and plots of every recorded benchmark, made from the JSON files by one command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from livebg.errors import SourceError, UsageError

PAGE = "README.md"

Record = dict[str, Any]
Row = tuple[str, ...]
Bar = tuple[str, float]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the records of one benchmark are shown.

    Attributes:
        title: Of its table.
        columns: After the record's name.
        rows: Of one record.
        unit: Of its plot's bars, if it has one.
        bars: Of one record: what follows its name, and a length.
    """

    title: str
    columns: Row
    rows: Callable[[Record], list[Row]]
    unit: str = ""
    bars: Callable[[Record], list[Bar]] | None = None


def write_report(folder: Path) -> Path:
    """Write a page of tables beside the JSON files, with a plot for each kind of benchmark that has one.

    Args:
        folder: Holds what the other ``livebg bench`` commands wrote with ``--json``.

    Returns:
        The page, ``README.md``; plots are SVG files beside it, named by kind.

    Raises:
        SourceError: There is no record in the folder, or a file is none.
        UsageError: matplotlib is not installed.
    """
    records = {path.stem: _record(path) for path in sorted(folder.glob("*.json"))}
    if not records:
        raise SourceError(f"{folder} holds no record: write one with livebg bench file --json {folder / 'file.json'}")
    lines = ["# Benchmarks", "", "Made from the JSON files here by `livebg bench report`."]
    for name, kind in _KINDS.items():
        found = {stem: record for stem, record in records.items() if record["benchmark"] == name}
        if not found:
            continue
        rows = [(stem, *row) for stem, record in found.items() for row in kind.rows(record)]
        lines += ["", f"## {kind.title}", "", *_table(("record", *kind.columns), rows)]
        if kind.bars is not None:
            bars = [(f"{stem} {what}".strip(), size) for stem, each in found.items() for what, size in kind.bars(each)]
            _plot(folder / f"{name}.svg", kind.unit, bars)
            lines += ["", f"![{kind.title}]({name}.svg)"]
    machines = [(stem, *_machine(record["machine"])) for stem, record in records.items()]
    lines += [
        "",
        "## What each was measured on",
        "",
        *_table(("record", "processor", "cores", "date", "commit"), machines),
    ]
    page = folder / PAGE
    page.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return page


def _record(path: Path) -> Record:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        raise SourceError(f"{path} is not JSON (line {exc.lineno}: {exc.msg}): take it out of the folder") from exc
    if not isinstance(record, dict) or record.get("benchmark") not in _KINDS:
        raise SourceError(f"{path} is no record of livebg bench ({', '.join(_KINDS)}): take it out of the folder")
    return record


def _table(columns: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    for row in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(row)} |"


def _plot(path: Path, unit: str, bars: Sequence[Bar]) -> None:
    """Horizontal bars with their figures, the same file for the same figures."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise UsageError("plots need matplotlib: pip install 'livebg[bench]'") from exc
    with matplotlib.rc_context({"svg.hashsalt": "livebg", "font.size": 9}):
        figure = Figure(figsize=(8, 0.6 + 0.32 * len(bars)), layout="constrained")
        axes = figure.subplots()
        drawn = axes.barh([name for name, _ in bars], [size for _, size in bars], color="#2a9d8f")
        axes.bar_label(drawn, fmt="%.3g", padding=3)
        axes.invert_yaxis()
        axes.margins(x=0.1)
        axes.set_xlabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def _machine(machine: Record) -> Row:
    return machine["cpu"], str(machine["cores"]), machine["date"], machine["commit"] or "not known"


def _compare(record: Record) -> list[Row]:
    ours, theirs = (median(run[key] for run in record["runs"]) for key in ("fps", "peer_fps"))
    peer = f"{record['peer']}, {record['peer_model']}"
    return [
        (
            f"`{' '.join(record['options'])}`",
            _ours(record),
            peer,
            f"{ours:.1f}",
            f"{theirs:.1f}",
            _spread(record["ratio"]),
        )
    ]


def _ours(record: Record) -> str:
    return record["ours"].replace(" on the CPU", "") if "ours" in record else "–"  # older records do not say


def _file(record: Record) -> list[Row]:
    ours, bare = (median(run[key] for run in record["runs"]) for key in ("whole_fps", "bare_fps"))
    return [
        (
            record["model"],
            _ours(record),
            f"{ours:.2f}",
            f"{bare:.2f}",
            _spread(record["ratio"]),
            _spread(record["cpu_ratio"]),
        )
    ]


def _live(record: Record) -> list[Row]:
    final = record["final"]
    latency = " / ".join(f"{final['latency_ms'][each]:.0f}" for each in ("p50", "p95", "p99"))
    growth = "–" if record["growth_mb"] is None else f"{record['growth_mb']}"
    return [
        (
            f"{record['clip']}, `{' '.join(record['options'])}`",
            f"{final['seconds']:.0f}",
            f"{final['fps_in']:.1f} / {record['fps_fresh']:.1f}",
            f"{100 * record['missed_share']:.2f} %",
            latency,
            f"{record['mask_age_p95_ms']:.0f}",
            f"{record['cpu']:.2f}",
            growth,
        )
    ]


def _network(record: Record) -> list[Row]:
    return [
        (
            row["model"], row["size"], str(row["batch"]), row["runtime"], f"{row['gflop']:.1f}",
            f"{row['ms']['p50']:.1f} / {row['ms']['p95']:.1f}", f"{row['roofline']:.2f}",
        )
        for row in record["rows"]
    ]  # fmt: skip


def _pipeline(record: Record) -> list[Row]:
    stages = ", ".join(f"{name} {spread['p50']}" for name, spread in record["stages_ms"].items())
    model = record["settings"]["segment"]["model"]
    return [(model, record["size"], f"{record['fps']:.1f}", f"{record['cpu_ms_a_frame']:.1f}", stages)]


def _steady(record: Record) -> list[Row]:
    size, cost = f"{record['width']}x{record['height']}", record["cost"]
    stages = ", ".join(f"{name} {each['cpu_ms']}" for name, each in cost.items() if name != "all")
    return [(size, str(record["threads"]), f"{cost['all']['wall_ms']}", f"{cost['all']['cpu_ms']}", stages)]


def _refine(record: Record) -> list[Row]:
    size = "x".join(map(str, record["picture"]))
    return [
        (
            call["mode"], str(call["size"]), size, call["how"], _spread(call["seconds"]), f"{call['peak_mb']:.0f}",
            str(call["crops"]),
        )
        for call in record["calls"]
    ]  # fmt: skip


def _foreground(record: Record) -> list[Row]:
    return [
        (name, f"{error['without']}", f"{error['with']}", f"{error['reduction_percent']} %")
        for name, error in record["error"].items()
    ]


def _spread(spread: Record) -> str:
    return f"{spread['median']:.3g} ({spread['lowest']:.3g} to {spread['highest']:.3g})"


_KINDS = {
    "compare": _Kind(
        "A file, beside other tools",
        ("livebg process", "which is", "peer", "frames a second", "peer's", "ratio (least to most)"),
        _compare,
        "times the frames a second of the peer's loop",
        lambda record: [("", record["ratio"]["median"])],
    ),
    "file": _Kind(
        "A file, beside ONNX Runtime running the bare network",
        ("model", "which is", "frames a second", "bare", "ratio", "by processor time"),
        _file,
        "of the bare network's rate",
        lambda record: [(record["model"], record["ratio"]["median"])],
    ),
    "live": _Kind(
        "A call: a clip played in real time as the camera, 720p",
        ("clip, options", "seconds", "fps in / fresh", "missed", "latency p50 / p95 / p99 ms", "matte's age p95 ms",
         "processors", "growth MB"),
        _live,
        "ms from capture to output, p95",
        lambda record: [("", record["latency_p95_ms"])],
    ),
    "network": _Kind(
        "The networks alone",
        ("model", "size", "batch", "runtime", "GFLOP", "ms p50 / p95", "share of the roof"),
        _network,
        "ms a picture, p50",
        lambda record: [(f"{row['model']} {row['size']}", row["ms"]["p50"]) for row in record["rows"]],
    ),
    "pipeline": _Kind(
        "Every stage between a decoded frame and a composited one",
        ("model", "frames", "fps", "processor ms a frame", "stages, ms (p50)"),
        _pipeline,
    ),
    "steady": _Kind(
        "What steadiness costs a frame outside segmentation",
        ("frames", "threads", "ms", "processor ms", "stages, processor ms"),
        _steady,
    ),
    "refine": _Kind(
        "CascadePSP",
        ("mode", "L", "picture", "how", "seconds a call", "peak MB", "local crops"),
        _refine,
        "seconds a call",
        lambda record: [(f"{call['mode']} L={call['size']}", call["seconds"]["median"]) for call in record["calls"]],
    ),
    "foreground": _Kind(
        "Colours in soft edges: mean error in steps of 255",
        ("people", "without", "with", "lower by"),
        _foreground,
    ),
}  # fmt: skip
