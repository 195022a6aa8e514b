"""What is written down of a training: means of its losses, and every number with its step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from livebg.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


class Sums:
    """Means of the losses since the last line; on the device, so that no step waits for it."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, parts: dict[str, Tensor]) -> None:
        """Take one step's losses."""
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, value.new_zeros(())) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """By name; of a loss that not every step has, the mean over those that have it."""
        return {name: float(value) / self._counts[name] for name, value in self._sums.items()}


class Log:
    """A line of JSON for every group of numbers, and TensorBoard beside it where that is installed.

    Args:
        file: Lines are added to it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = SummaryWriter(str(file.parent))

    def add(self, kind: str, counters: tuple[int, float, float, int], values: dict[str, float]) -> None:
        """Write one group of numbers.

        Args:
            kind: ``loss`` or ``validation``.
            counters: Step, seconds, best error so far, pictures seen.
            values: By name.

        Raises:
            SinkError: The file cannot be written.
        """
        step, seconds, _, pictures = counters
        line = {"kind": kind, "step": step, "seconds": round(seconds, 1), "pictures": pictures}
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, **{name: round(value, 6) for name, value in values.items()}}) + "\n")
        except OSError as exc:
            raise SinkError(f"cannot write {self._file}: {exc.strerror}") from exc
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)
