"""``livebg doctor``: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import click

from livebg import __version__, weights

_LIBRARIES = ("torch", "torchvision", "onnxruntime", "opencv-python", "numpy", "av", "pyvirtualcam")
_LOOPBACK_MODULE = Path("/sys/module/v4l2loopback")


class Finding(NamedTuple):
    """One line of the report."""

    what: str
    found: bool
    detail: str


@click.command()
def doctor() -> None:
    """Say what this machine has (versions, devices, codecs, cameras, weights), and how to get what is missing."""
    for title, findings in (
        ("versions", _versions()),
        ("compute", _compute()),
        ("encoders", _encoders()),
        ("weights", _weights()),
        ("cameras", _cameras()),
        ("virtual cameras", _virtual_cameras()),
    ):
        click.echo(click.style(title, bold=True))
        for finding in findings:
            mark = click.style("yes", fg="green") if finding.found else click.style("no ", fg="yellow")
            click.echo(f"  {mark} {finding.what}: {finding.detail}")


def _versions() -> Iterator[Finding]:
    yield Finding("livebg", True, __version__)
    yield Finding("Python", True, f"{platform.python_version()} on {platform.platform()}")
    for name in _LIBRARIES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, f"not installed: pip install {name}")


def _compute() -> Iterator[Finding]:
    from livebg.segment.runtimes import available

    for each in available():
        yield Finding(*each)


def _encoders() -> Iterator[Finding]:
    from livebg.sinks import codecs

    for each in codecs():
        alpha = f", with alpha in {' '.join(each.alpha)}" if each.alpha else ""
        yield Finding(each.name, each.there, f"{each.encoder}, for {' '.join(each.suffixes)}{alpha}")


def _weights() -> Iterator[Finding]:
    for name in weights.names():
        path = weights.path(name)
        yield Finding(name, path.exists(), str(path) if path.exists() else f"livebg models pull {name}")


def _cameras() -> Iterator[Finding]:
    from livebg.sources.devices import cameras

    found = cameras()
    for each in found:
        yield Finding(each.address, True, each.name)
    if not found:
        yield Finding("none", False, "plug one in, or check that its driver is loaded")


def _virtual_cameras() -> Iterator[Finding]:
    """Open each backend for a moment: the only way to know that a program could."""
    from livebg.errors import SinkError
    from livebg.sinks.virtual_camera import VirtualCamera

    try:
        with VirtualCamera(640, 360, Fraction(30)) as camera:
            yield Finding(camera.backend, True, camera.device)
    except SinkError as error:
        yield Finding("none", False, str(error))
    if sys.platform == "linux":
        yield _loopback()
        yield _pipewire()


def _loopback() -> Finding:
    """Whether browsers would list a device of v4l2loopback, and how --on-demand would know of its readers."""
    from livebg.sinks.virtual_camera import LOOPBACK_CURE

    name = "v4l2loopback"
    if not _LOOPBACK_MODULE.exists():
        return Finding(name, False, f"the module is not loaded: {LOOPBACK_CURE}")
    version_file = _LOOPBACK_MODULE / "version"
    release = version_file.read_text(encoding="utf-8").strip() if version_file.exists() else "of unknown version"
    exclusive = (_LOOPBACK_MODULE / "parameters" / "exclusive_caps").read_text(encoding="utf-8")
    if "Y" not in exclusive:
        return Finding(
            name,
            False,
            f"{release}, loaded without exclusive_caps: OBS, ffmpeg and VLC see it, Chrome, Firefox, Teams and Zoom "
            "do not; sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1 card_label=livebg",
        )
    return Finding(
        name,
        True,
        f"{release}, with exclusive_caps: every program that reads V4L2 cameras sees it once something writes to it",
    )


def _pipewire() -> Finding:
    """Whether a camera without a kernel module can be opened."""
    from livebg.errors import SinkError
    from livebg.sinks import open_virtual_camera

    try:
        open_virtual_camera("pipewire", 64, 48, Fraction(30)).close()
    except SinkError as error:
        return Finding("pipewire", False, str(error))
    return Finding(
        "pipewire",
        True,
        "no module needed; seen by what takes cameras from PipeWire: Firefox (media.webrtc.camera.allow-pipewire), "
        "Chrome (--enable-features=WebRtcPipeWireCamera), OBS, GNOME's programs",
    )
