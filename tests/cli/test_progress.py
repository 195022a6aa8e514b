"""What is shown while it runs, where there is no terminal."""

from __future__ import annotations

from livebg.cli import progress
from livebg.cli.progress import ProgressLine


def test_pictures_are_counted_on_a_line_now_and_then(monkeypatch, capsys):
    now = iter([0.0, 0.9, 2.0, 6.9, 7.0])  # from the beginning on; the first line after a second, others 5 s later
    monkeypatch.setattr(progress, "perf_counter", lambda: next(now))
    with ProgressLine("people", quiet=False) as line:
        for done in (1, 3, 6, 7):
            line.count(done, 9)
    assert capsys.readouterr().err.splitlines() == [
        "people: 3/9 frames, 1.5 fps, 4 s left",
        "people: 7/9 frames, 1.0 fps, 2 s left",
    ]


def test_quiet_is_quiet(capsys, monkeypatch):
    monkeypatch.setattr(progress, "perf_counter", iter([0.0, 100.0]).__next__)
    with ProgressLine("people", quiet=True) as line:
        line.count(1, 9)
    assert capsys.readouterr().err == ""
