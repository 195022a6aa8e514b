"""The stages of a live run from its configuration, and their change while it runs.

What a change needs is opened in a thread of its own, while frames go on with what there is; it takes its place between
two frames. What cannot be opened leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from livebg.build import open_compositor, open_matting, refiner_of
from livebg.compose import Compositor, parse_background
from livebg.compose.framing import Framing
from livebg.config import ComposeConfig, Config, LiveConfig, SegmentConfig
from livebg.errors import UsageError, one_line
from livebg.frame import Frame
from livebg.live.late import LateMatte, OwnMatte
from livebg.live.loop import Loop, Parts
from livebg.live.pacer import PATIENCE, Pacer
from livebg.live.slate import make_slate
from livebg.live.view import View, crop_within, parse_crop
from livebg.live.watch import difference, look
from livebg.motion import MotionTracker
from livebg.refine.keyframe_refiner import KeyframeRefiner
from livebg.sources import is_picture
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import StreamInfo
    from livebg.live.commands import Reply, Values
    from livebg.live.statistics import Statistics
    from livebg.pipeline import Matting
    from livebg.segment import Segmenter
    from livebg.stages import Refiner

OpenSegmenter = Callable[[SegmentConfig], "Segmenter"]
"""Opens a network with coarse mattes."""

_SETTLE_SECONDS = 5.0  # for the frame at hand; a stage that hangs keeps what it uses
_CHANGEABLE = {"mirror", "zoom", "crop", "framing", "slate", "caption", "stale", "empty"}
_FRAMING = ("mirror", "zoom", "framing")


def check(config: Config) -> None:
    """Refuse what cannot go live.

    Raises:
        UsageError: The background is transparent or standard input, the camera is a picture, smoothing looks ahead, the
            network's score is stretched, the crop cannot be read, or what is written is read too or written twice.
    """
    if parse_background(config.compose.background).kind == "transparent":
        raise UsageError("a transparent background cannot go live: a camera has no alpha; take color:#00b140 to key it")
    if config.compose.background in ("-", "/dev/stdin"):
        raise UsageError("the background cannot come through standard input live: commands do; give a file")
    if is_picture(config.live.camera) and Path(config.live.camera).is_file():
        raise UsageError(f"{config.live.camera} is a picture, not a camera: livebg process takes pictures")
    if config.smooth.lookahead:
        raise UsageError(f"smooth.lookahead = {config.smooth.lookahead}: live there is no looking ahead; set it to 0")
    if config.segment.normalise == "minmax":
        raise UsageError(
            "segment.normalise = minmax: live that would show the room where nobody is in the picture; set it to none"
        )
    if config.live.crop is not None:
        parse_crop(config.live.crop)
    _require_distinct(config)


def _require_distinct(config: Config) -> None:
    """Nothing is written over what is read, nor two things to one file."""
    live, background = config.live, parse_background(config.compose.background)
    taken = {Path(live.camera).resolve(): "the camera's own clip"}
    if background.kind == "path":
        taken[Path(background.path).resolve()] = "the background"
    for option, path in (("--record", live.record), ("--record-matte", live.record_matte), ("--stats", live.stats)):
        if path is None:
            continue
        whose = taken.setdefault(Path(path).resolve(), f"what {option} writes")
        if whose != f"what {option} writes":
            raise UsageError(f"{option} {path} is {whose}: give it another name")


class Workshop(Closing):
    """Makes the stages for one stream, and closes those that need it.

    Attributes:
        notes: What refiners had to say, each once it is closed.
    """

    def __init__(self, info: StreamInfo, statistics: Statistics, open_segmenter: OpenSegmenter) -> None:
        """Take the stream, whose size every frame and slate has; ``open_segmenter`` opens networks."""
        self._info, self._statistics, self._open_segmenter = info, statistics, open_segmenter
        self._segmenter: Segmenter | None = None
        self._drafting: LateMatte | None = None
        self._opened: list[Compositor | KeyframeRefiner] = []  # those that need closing
        self._refined = ""
        self._background: tuple[int, int, int] | None = None  # its file, when it was opened
        self.notes: list[str] = []

    def parts(self, config: Config) -> Parts:
        """All stages.

        Raises:
            LivebgError: One cannot be had.
        """
        view = self._view(config.live)
        self._segmenter = segmenter = self._open_segmenter(config.segment)
        self._refined = refiner_of(config.refine, segmenter.device)
        matting = open_matting(config, segmenter, live=True)
        self._keep(matting.refiner)
        if config.live.latency == "low":
            self._drafting = LateMatte(segmenter, self._statistics)
        return Parts(
            view=view,
            drafting=self._drafting or OwnMatte(segmenter, matting.cadence, self._statistics),
            tracker=_tracker(config.live, matting),
            smoother=matting.smoother,
            refiner=matting.refiner,
            framing=_framing(config.live),
            compositor=self._compositor(config),
            empty=float(config.live.empty),
        )

    def is_background_replaced(self, config: ComposeConfig) -> bool:
        """Whether the background's file is another than the one that was opened under this name."""
        return _background_file(config) != self._background

    def replacements(self, old: Config, new: Config, parts: Parts, *, background: bool = False) -> dict[str, Any]:
        """The fields of ``parts`` that a change of the configuration makes anew.

        Args:
            old: What holds.
            new: What is to hold.
            parts: What is in use.
            background: Open that again, though it is called the same.

        Raises:
            LivebgError: One cannot be had; ``tidy`` closes the others.
        """
        made: dict[str, Any] = {"empty": float(new.live.empty)}
        if old.live.crop != new.live.crop:
            made["view"] = self._view(new.live)
        if any(getattr(old.live, key) != getattr(new.live, key) for key in _FRAMING):
            made["framing"] = _framing(new.live)
        if background or old.compose != new.compose:
            made["compositor"] = self._compositor(new)
        if (old.segment, old.smooth, old.refine) == (new.segment, new.smooth, new.refine):
            return made
        segmenter = before = self._segmenter
        if segmenter is None or old.segment != new.segment:
            segmenter = self._warm(new.segment)
        stays = old.refine == new.refine and before is not None and before.device == segmenter.device
        matting = open_matting(new, segmenter, refiner=parts.refiner if stays else None, live=True)
        made["smoother"], made["tracker"] = matting.smoother, parts.tracker or _tracker(new.live, matting)
        if not stays:
            self._keep(matting.refiner)
            made["refiner"] = matting.refiner
            self._refined = refiner_of(new.refine, segmenter.device)
        if self._drafting is None:
            made["drafting"] = OwnMatte(segmenter, matting.cadence, self._statistics)
        elif segmenter is not self._segmenter:
            self._drafting.use(segmenter)
        self._segmenter = segmenter
        return made

    @property
    def description(self) -> str:
        """The network, its input size, what computes it, and what refines."""
        return "" if self._segmenter is None else f"{self._segmenter.description}; refined: {self._refined}"

    def tidy(self, parts: Parts) -> None:
        """Close all that these, which are in use, have replaced, or that a refused change opened."""
        for stage in tuple(self._opened):
            if stage is not parts.compositor and stage is not parts.refiner:
                self._opened.remove(stage)
                self._end(stage)

    def close(self) -> None:
        """Close all that was made; nothing may use it any more."""
        if self._drafting is not None:
            self._drafting.close()
        while self._opened:
            self._end(self._opened.pop(0))

    def _warm(self, config: SegmentConfig) -> Segmenter:
        """A network that has run once: the first run of some takes seconds, in which what is shown would grow old."""
        segmenter = self._open_segmenter(config)
        segmenter.segment(Frame(np.zeros((self._info.height, self._info.width, 3), np.uint8)))
        return segmenter

    def _keep(self, refiner: Refiner | None) -> None:
        """One with a thread of its own needs closing."""
        if isinstance(refiner, KeyframeRefiner):
            self._opened.append(refiner)

    def _compositor(self, config: Config) -> Compositor:
        file = _background_file(config.compose)
        compositor = open_compositor(config.compose, self._info)
        self._background = file
        self._opened.append(compositor)
        return compositor

    def _end(self, stage: Compositor | KeyframeRefiner) -> None:
        stage.close()
        if isinstance(stage, KeyframeRefiner):
            self.notes += stage.notes

    def _view(self, live: LiveConfig) -> View:
        width, height = self._info.width, self._info.height
        return View(width, height, crop=None if live.crop is None else crop_within(live.crop, width, height))


class Changes(Closing):
    """Changes the configuration of a run, one change after another, in a thread from its construction on.

    Attributes:
        config: What holds now.
    """

    def __init__(self, config: Config, workshop: Workshop, loop: Loop, pacer: Pacer, size: tuple[int, int]) -> None:
        """Begin to wait for changes.

        Args:
            config: What the run began with.
            workshop: Makes stages.
            loop: Gets them.
            pacer: Gets another slate, and another bound.
            size: Width and height of the slate.
        """
        self.config = config
        self._workshop, self._loop, self._pacer, self._size = workshop, loop, pacer, size
        self._waiting: SimpleQueue[tuple[Values, Reply] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="livebg-changes", daemon=True)
        self._thread.start()

    def submit(self, values: Values, reply: Reply) -> None:
        """Change these keys; ``reply`` hears what came of it, ``error: `` before what stood against it."""
        self._waiting.put((values, reply))

    def close(self) -> None:
        """End after the change at hand, which is waited for a moment only."""
        self._waiting.put(None)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while (change := self._waiting.get()) is not None:
            values, reply = change
            try:
                said = self._apply(values)
            except Exception as error:  # noqa: BLE001 - told to whoever asked; the run goes on as it was
                said = f"error: {one_line(error)}"
            reply(said)

    def _apply(self, values: Values) -> str:
        old = self.config
        wanted = difference(old, old.override(values))
        fixed = [f"{section}.{key}" for section, keys in wanted.items() for key in keys if _is_fixed(section, key)]
        if fixed and len(fixed) == sum(map(len, wanted.values())):
            raise UsageError(f"{', '.join(fixed)} cannot change while it runs: start again")
        changed = {
            section: {key: value for key, value in keys.items() if not _is_fixed(section, key)}
            for section, keys in wanted.items()
        }
        new = old.override(changed)
        check(new)
        background = "background" in values.get("compose", {}) and self._workshop.is_background_replaced(old.compose)
        if background:
            changed.setdefault("compose", {})["background"] = new.compose.background
        slate = make_slate(new.live, new.compose, *self._size)
        try:
            made = self._workshop.replacements(old, new, self._loop.parts, background=background)
            self._loop.use(replace(self._loop.parts, **made))
            self._pacer.change_slate(slate)
            self._pacer.stale = float(new.live.stale)
            self.config = new
        finally:
            if self._loop.settled(_SETTLE_SECONDS):
                self._workshop.tidy(self._loop.parts)
        said = ", ".join(
            f"{section}.{key} = {value}" for section, keys in changed.items() for key, value in keys.items()
        )
        return (said or "nothing changed") + (f"; {', '.join(fixed)} from the next start on" if fixed else "")


def _is_fixed(section: str, key: str) -> bool:
    """Whether this holds from the start to the end of a run."""
    return section in ("input", "output") or (section == "live" and key not in _CHANGEABLE)


def _tracker(live: LiveConfig, matting: Matting) -> MotionTracker | None:
    """Carrying needs motion even where smoothing does not."""
    return MotionTracker() if matting.tracker is not None or live.latency == "low" else None


def _background_file(config: ComposeConfig) -> tuple[int, int, int] | None:
    """The background's file as it is now; ``None`` where it is none."""
    background = parse_background(config.background)
    return look(Path(background.path)) if background.kind == "path" else None


def _framing(live: LiveConfig) -> Framing | None:
    """What moves the picture; ``None`` where it stays."""
    if live.framing == "auto":
        return Framing("auto", zoom=live.zoom if live.zoom > 1 else None, mirror=live.mirror)
    return Framing(zoom=live.zoom, mirror=live.mirror) if live.mirror or live.zoom > 1 else None
