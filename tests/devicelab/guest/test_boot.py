"""The machine itself."""

from __future__ import annotations

from pathlib import Path

from tests.devicelab.guest.support import CAMERA, call


def test_it_has_a_camera_and_a_virtual_camera():
    names = {path.name: (path / "name").read_text().strip() for path in Path("/sys/class/video4linux").iterdir()}
    assert names["video0"].startswith("vivid"), names
    assert names["video9"] == "livebg"
    assert "YUYV" in call("v4l2-ctl", "-d", CAMERA, "--list-formats-ext")
