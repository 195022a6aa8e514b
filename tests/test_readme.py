"""Every Python example of the README runs, in the order in which it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from tests.media import numbered, write_clip

README = Path(__file__).resolve().parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_example_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", frames=4)
    cv2.imwrite("me.jpg", numbered(1))
    cv2.imwrite("beach.jpg", numbered(2))
    exec(compile(example, str(README), "exec"), {})
