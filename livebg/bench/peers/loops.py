"""The two loops that peers run in: over a video, and over clips of pictures. Needs OpenCV and numpy alone."""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

Matter = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""RGB (H, W, 3) into alpha (H, W) within 0..1."""

_COLOUR = np.array((90, 110, 120), np.float32)


def composite_video(clip: str, out: str, matter: Matter) -> str:
    """Lay the subject of a video on a colour, one frame after the other; OpenCV reads and writes.

    Returns:
        A line: frames, and seconds of the loop, loading not counted.
    """
    reader = cv2.VideoCapture(clip)
    size = int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(out, cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
    if not (reader.isOpened() and writer.isOpened()):
        sys.exit(f"{out if reader.isOpened() else clip}: OpenCV cannot {'write' if reader.isOpened() else 'read'} it")
    frames = 0
    started = perf_counter()
    while True:
        there, frame = reader.read()
        if not there:
            break
        alpha = matter(_rgb(frame))[..., None]
        writer.write((frame * alpha + _COLOUR * (1 - alpha)).astype(np.uint8))
        frames += 1
    writer.release()
    return f"{frames} {perf_counter() - started}\n"


def write_mattes(clips: str, out: str, open_matter: Callable[[], Matter], *, shown: int = 0) -> str:
    """Keep the matte of every picture CLIPS/NAME/images/STEM.* as OUT/NAME/STEM.png.

    Args:
        clips: Folder of clips, or of sets of stills.
        out: Folder of mattes, made where it is missing.
        open_matter: Called for each clip, so that none remembers another.
        shown: Pictures are stills, and each is shown so often to a matter of its own: a network that remembers comes to
            rest. 0 for clips.

    Returns:
        A line: frames, and the least and the median milliseconds of a frame, reading and writing not counted.
    """
    milliseconds = []
    for images in sorted(Path(clips).glob("*/images")):
        matter = open_matter()
        folder = Path(out) / images.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(images.iterdir()):
            frame = cv2.imread(str(path))
            if frame is None:
                sys.exit(f"{path}: not a picture")
            picture = _rgb(frame)
            if shown:
                matter = open_matter()
                for _ in range(shown - 1):
                    matter(picture)
            started = perf_counter()
            alpha = matter(picture)
            milliseconds.append(1e3 * (perf_counter() - started))
            if not cv2.imwrite(str(folder / f"{path.stem}.png"), np.rint(alpha * 255).astype(np.uint8)):
                sys.exit(f"{folder}: cannot be written to")
    if not milliseconds:
        sys.exit(f"{clips}: no picture in it; a clip is a folder NAME/images")
    return f"{len(milliseconds)} frames, least {min(milliseconds):.1f} ms, median {median(milliseconds):.1f} ms\n"


def _rgb(frame: cv2.typing.MatLike) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
