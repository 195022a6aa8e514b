"""Line charts as SVG text: a few hundred bytes each, readable in any browser, no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

COLOURS = ("#1f6f8b", "#d1495b", "#6a994e", "#8d5fd3", "#e09f3e", "#444444", "#2a9d8f", "#b56576")

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 30, 42


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: points left out are gaps.

    Attributes:
        label: In the legend.
        points: (x, y) in order; y may be ``None``.
    """

    label: str
    points: Sequence[tuple[float, float | None]]


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """A chart with axes, grid and legend.

    Args:
        title: Above it.
        lines: At least one with a point.
        x_label: Below the x axis.
        y_label: Beside the y axis.
        x_range: Fixed ends; otherwise those of the data.
        y_range: Fixed ends; otherwise from 0 (or below) to a round number above the data.
    """
    xs = [x for line in lines for x, y in line.points if y is not None] or [0.0]
    ys = [y for line in lines for _, y in line.points if y is not None] or [0.0]
    left, right = x_range or (min(xs), max(max(xs), min(xs) + 1))
    low, high = y_range or (min(0.0, *ys, 0.0), max(*ys, 1e-9))
    y_ticks = _ticks(low, high)
    if y_range is None:
        low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])

    def at_x(x: float) -> float:
        return _LEFT + (x - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)

    def at_y(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>']
    for tick in y_ticks:
        y = at_y(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in (tick for tick in _ticks(left, right) if tick <= right):
        x = at_x(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{tick:g}</text>'
        )
    middle = _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2
    parts.append(
        f'<text class="label" x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
    )
    parts.append(
        f'<text class="label" transform="translate(13 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    for index, line in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        path = _path([None if y is None else (at_x(x), at_y(y)) for x, y in line.points])
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'
    legend = "".join(
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(line.label)}</span>'
        for index, line in enumerate(lines)
    )
    return f'<figure class="chart">{svg}<figcaption>{legend}</figcaption></figure>'


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    drawn, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        drawn.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return "".join(drawn)


def _ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers within the range; the last may lie above it."""
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = floor(low / step + 1e-9)
    if first * step < low - 1e-9 * step:
        first += 1
    ticks = [round(first * step, 10)]
    while ticks[-1] < high - 1e-6 * step and len(ticks) < 12:
        ticks.append(round((first + len(ticks)) * step, 10))
    return ticks
