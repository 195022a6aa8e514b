"""``livebg demo``: a real person on a new background, with nothing prepared."""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import numpy as np

from livebg.cli.contact_sheet import sheet_from_files
from livebg.cli.opening import load_segmenter
from livebg.cli.progress import ProgressLine, fetch
from livebg.config import Config
from livebg.errors import SinkError
from livebg.frame import Image
from livebg.job import do
from livebg.plan import Job

_CLIP = "demo-clip"


@click.command()
@click.argument("folder", default="demo", type=click.Path(file_okay=False, path_type=Path))
def demo(folder: Path) -> None:
    """Fetch a clip of a person, replace the background, and leave FOLDER/out.mp4.

    FOLDER/contact-sheet.png shows six moments: input, matte, result. What is there already is not made again.
    """
    out, matte, sheet = folder / "out.mp4", folder / "matte.mp4", folder / "contact-sheet.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SinkError(f"cannot make the folder {folder}: {exc.strerror}; choose another place") from exc
    clip = fetch(_CLIP)
    if not (out.exists() and matte.exists()):
        background = folder / "background.png"
        cv2.imwrite(str(background), _evening(360, 640))
        config = Config().override({"compose": {"background": str(background)}, "output": {"overwrite": True}})
        segmenter = load_segmenter(config.segment)
        click.echo(f"{clip.name} onto an evening sky")
        with ProgressLine(clip.name, quiet=False) as progress:
            report = do(Job(str(clip), str(out), str(matte)), config, segmenter, progress=progress)
        click.echo(f"{report.frames} frames in {report.seconds:.1f} s: {report.fps:.1f} fps")
        sheet.unlink(missing_ok=True)
    if not sheet.exists():
        sheet_from_files(clip, matte, out, sheet)
    click.echo(f"look at {sheet}, play {out}; the matte is {matte}")


def _evening(height: int, width: int) -> Image:
    """A sky after sunset with lights out of focus: a background that is nobody's photograph (BGR)."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    zenith, horizon = np.array([92, 48, 34], np.float32), np.array([96, 140, 232], np.float32)
    sky = np.broadcast_to(zenith + (horizon - zenith) * down**1.5, (height, width, 3)).copy()
    random = np.random.default_rng(7)
    for _ in range(26):
        centre = (int(random.uniform(0, width)), int(random.uniform(height * 0.55, height)))
        brightness = random.uniform(40, 120)
        light = np.zeros_like(sky)
        cv2.circle(light, centre, int(random.uniform(6, 22)), (0.5 * brightness, 0.8 * brightness, brightness), -1)
        sky += cv2.GaussianBlur(light, (0, 0), 2)
    return np.clip(sky, 0, 255).astype(np.uint8)
