"""Where a sink writes: a hidden name until the work is complete, then the final one; and what it may replace."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from livebg.errors import SinkError, UsageError

if TYPE_CHECKING:
    from livebg.frame import Frame

Pixels = Literal["rgb", "rgba", "gray"]

_log = logging.getLogger(__name__)

_CHANNELS = {"rgb": 3, "rgba": 4, "gray": None}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sink writes: a final name, and a hidden one beside it until the work is complete.

    Attributes:
        final: The name asked for.
        overwrite: Whether something that already bears it may be replaced.
        hidden: The name it bears meanwhile, in the same folder so that the last step is a rename.
    """

    final: Path
    overwrite: bool
    hidden: Path = field(init=False)

    def __post_init__(self) -> None:
        # The stem is cut so that a long name plus ours still fits a file system's 255 bytes.
        stem = self.final.stem[:50]
        hidden = self.final.with_name(f".{stem}.livebg-{secrets.token_hex(4)}{self.final.suffix}")
        object.__setattr__(self, "hidden", hidden)

    @property
    def partial(self) -> Path:
        """The name that what is unfinished keeps."""
        return partial_path(self.final)

    @property
    def numbered(self) -> Path:
        """The name that it keeps where ``partial`` cannot be had; cut and numbered as ``hidden`` is."""
        stem, _, rest = self.hidden.name.rpartition(".livebg-")
        return self.final.with_name(f"{stem[1:]}.partial-{rest}")


def partial_path(path: str | os.PathLike[str]) -> Path:
    """Where unfinished work is kept: ``talk.partial.mp4`` for ``talk.mp4``, ``frames.partial`` for ``frames``."""
    final = Path(path)
    return final.with_name(f"{final.stem}.partial{final.suffix}")


def publish_file(place: Place) -> None:
    """Give a complete file its final name.

    Raises:
        SinkError: Something took the name meanwhile, or the file system refuses.
    """
    try:
        if not place.overwrite and place.final.exists():
            raise SinkError(f"{place.final} appeared while it was written; what was written is {place.partial}")
        place.hidden.replace(place.final)
    except OSError as error:
        raise SinkError(f"cannot name {place.final}: {error.strerror}") from error


def publish_folder(place: Place) -> None:
    """Give a complete folder its final name; what it replaces goes only then."""
    try:
        if not place.final.exists():
            place.hidden.rename(place.final)
            return
        if not place.overwrite:
            raise SinkError(f"{place.final} appeared while it was written; what was written is {place.partial}")
        require_replaceable(place.final)
        _replace_folder(place)
    except OSError as error:
        raise SinkError(f"cannot name {place.final}: {error.strerror}") from error


def _replace_folder(place: Place) -> None:
    old = place.hidden.with_name(f"{place.hidden.name}.old")
    place.final.rename(old)
    try:
        place.hidden.rename(place.final)
    except OSError as error:
        try:
            old.rename(place.final)
        except OSError:  # something took the name between the two
            raise SinkError(f"cannot name {place.final}: {error.strerror}; what bore the name is {old}") from error
        raise
    try:
        shutil.rmtree(old)
    except OSError as error:
        _log.warning("%s is complete; what it replaced is left as %s: %s", place.final, old, error.strerror)


def keep_partial_file(place: Place) -> None:
    """Give an unfinished file its name, in place of an older one; where it cannot be had, a numbered one.

    Raises:
        SinkError: The file system refuses that too; the file stays where it is.
    """
    try:
        place.hidden.replace(place.partial)
    except OSError as error:  # a folder bears it, it is too long, or a player holds the older one open
        _keep_numbered(place, str(error.strerror))


def keep_partial_folder(place: Place) -> None:
    """Give an unfinished folder its name. An older one goes; where that cannot be had, ours gets a number instead.

    Raises:
        SinkError: The file system refuses that too; the folder stays where it is.
    """
    partial = place.partial
    try:
        if partial.exists():
            require_replaceable(partial)
            shutil.rmtree(partial)
        place.hidden.rename(partial)
    except UsageError:
        _keep_numbered(place, "it holds other things")
    except OSError as error:  # it is too long, or the older one cannot be removed
        _keep_numbered(place, str(error.strerror))


def _keep_numbered(place: Place, reason: str) -> None:
    """Give what is unfinished the name with a number, and say why."""
    try:
        place.hidden.replace(place.numbered)
    except OSError as error:
        raise SinkError(
            f"cannot name {place.numbered}: {error.strerror}; what was written is {place.hidden}"
        ) from error
    _log.warning("%s cannot be had (%s): what was written is %s", place.partial, reason, place.numbered)


def require_replaceable(folder: Path) -> None:
    """Overwriting a folder removes it, so it may hold nothing but PNGs: it could be somebody's home.

    Raises:
        UsageError: It holds something else.
        SinkError: It does not say what it holds.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose another name")
    try:
        other = next((each for each in folder.iterdir() if each.suffix.lower() != ".png" or not each.is_file()), None)
    except OSError as error:
        raise SinkError(f"{folder} is a folder that cannot be read ({error.strerror}): choose another name") from error
    if other is not None:
        raise UsageError(f"{folder} is a folder and holds {other.name}: name a file in it, or a new folder for PNGs")


def require_channels(frame: Frame, pixels: Pixels, final: Path) -> None:
    """The frame holds what the sink was opened for.

    Raises:
        SinkError: It does not.
    """
    channels = None if frame.image.ndim == 2 else frame.image.shape[2]
    if channels != _CHANNELS[pixels]:
        raise SinkError(f"{final}: frame {frame.index} is {frame.image.shape}, the output was opened for {pixels}")
