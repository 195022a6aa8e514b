"""The stages of a live run from its configuration: all of them at the start, and those that a change makes anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livebg.build import open_compositor, open_matting, refiner_of
from livebg.compose import Compositor, parse_background
from livebg.compose.framing import Framing
from livebg.config import ComposeConfig, Config, LiveConfig, SegmentConfig
from livebg.frame import Frame
from livebg.live.late import LateMatte, OwnMatte
from livebg.live.loop import Parts
from livebg.live.view import View, crop_within
from livebg.live.watch import look
from livebg.motion import MotionTracker
from livebg.refine.keyframe_refiner import KeyframeRefiner
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import StreamInfo
    from livebg.live.statistics import Statistics
    from livebg.pipeline import Matting
    from livebg.segment import Segmenter
    from livebg.stages import Refiner

OpenSegmenter = Callable[[SegmentConfig], "Segmenter"]
"""Opens a network with coarse mattes."""

_FRAMING = ("mirror", "zoom", "framing")


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
