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


@pytest.mark.parametrize(
    ("text", "rate", "later"),
    [
        ("01:02:03:119", 120, "01:02:04:000"),  # as FFmpeg writes more than a hundred
        ("01:02:03:08", 12, "01:02:03:09"),
        ("01:02:03.29", NTSC, "01:02:04;00"),
        ("01:02:03:24", Fraction(49, 2), "01:02:04:00"),  # 24.5 counts 25, as FFmpeg rounds it
    ],
)
def test_other_rates(text, rate, later):
    assert advanced(text, 1, Fraction(rate)) == later


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
        ("01:02:03:15", 15),
        ("24:00:00:00", 25),
        ("00:01:00;01", NTSC),  # a number that is left out
        ("01:02:03:00", 0),
    ],
)
def test_what_is_none_gives_none(text, rate):
    assert advanced(text, 0, Fraction(rate)) is None
