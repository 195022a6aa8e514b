"""Timecodes, against SMPTE ST 12-1's own counting: every label in order, those that are dropped left out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from livebg.timecode import advanced

NTSC = Fraction(30_000, 1001)


def labels(count: int, left_out: int, minutes: int):
    """All labels of so many minutes, one by one."""
    mark = ";" if left_out else ":"
    for minute in range(minutes):
        for second in range(60):
            for frame in range(count):
                if not (minute % 10 and second == 0 and frame < left_out):
                    yield f"{minute // 60:02}:{minute % 60:02}:{second:02}{mark}{frame:02}"


@pytest.mark.parametrize(
    ("rate", "left_out"), [(Fraction(24), 0), (NTSC, 0), (NTSC, 2), (2 * NTSC, 4), (Fraction(50), 0)]
)
def test_it_counts_as_the_labels_follow_each_other(rate, left_out):
    found = list(labels(round(rate), left_out, 62))
    mark = ";" if left_out else ":"
    assert [advanced(f"00:00:00{mark}00", number, rate) for number in range(len(found))] == found
    assert advanced(found[1799], 1, rate) == found[1800]
    assert advanced(found[17981], 40_000, rate) == found[57981]


@pytest.mark.parametrize(("mark", "last"), [(":", "23:59:59:29"), (";", "23:59:59;29")])
def test_after_midnight_comes_zero(mark, last):
    assert advanced(last, 1, NTSC) == f"00:00:00{mark}00"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", 25),
        ("noon", 25),
        ("01:02:03", 25),
        ("01:02:03:25", 25),
        ("01:61:03:00", 25),
        ("01:02:03;04", 25),  # nothing is dropped at 25
        ("01:02:03:04", 15),
        ("01:02:03:04", Fraction(277, 10)),
    ],
)
def test_what_is_none_gives_none(text, rate):
    assert advanced(text, 0, Fraction(rate)) is None
