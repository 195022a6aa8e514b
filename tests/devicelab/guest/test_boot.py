"""The machine itself."""

from __future__ import annotations

import subprocess
from pathlib import Path


def test_it_has_a_camera_and_a_virtual_camera():
    names = {path.name: (path / "name").read_text().strip() for path in Path("/sys/class/video4linux").iterdir()}
    assert names["video0"].startswith("vivid"), names
    assert names["video9"] == "livebg"
    assert "YUYV" in subprocess.run(["v4l2-ctl", "-d0", "--list-formats-ext"], capture_output=True, text=True).stdout
