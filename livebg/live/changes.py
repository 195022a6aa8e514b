"""What may go live, and changes of the configuration while it runs.

What a change needs is opened in a thread of its own, while frames go on with what there is; it takes its place between
two frames. What cannot be opened leaves everything as it was.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from livebg.compose import parse_background
from livebg.config import Config
from livebg.errors import UsageError, one_line
from livebg.live.loop import Loop
from livebg.live.pacer import PATIENCE, Pacer
from livebg.live.slate import make_slate
from livebg.live.view import parse_crop
from livebg.live.watch import difference
from livebg.sources import is_picture
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.live.commands import Reply, Values
    from livebg.live.workshop import Workshop

_SETTLE_SECONDS = 5.0  # for the frame at hand; a stage that hangs keeps what it uses
_CHANGEABLE = {"mirror", "zoom", "crop", "framing", "slate", "caption", "stale", "empty"}


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
