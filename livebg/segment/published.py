"""The published networks in whole numbers, made on the machine that uses them.

Their weights are fetched, so the file in whole numbers cannot be shipped. What ships is a table of the ranges of their
activations (weights/NAME.ranges.toml, by ``livebg models calibrate``); from it and the fetched file the other is made
in seconds, once, and kept beside it. Its name tells what it was made from; its checksum lies beside it, and a file that
does not fit it is made anew.

Why some nodes stay in full precision: one convolution of each decoder takes values of up to 228 that hardly vary,
multiplies them by up to 5, and subtracts as much; of 8 bits nothing is left (u2netp came to an IoU of .29). And in
u2netp the coarse stages decide what is subject: they are 2 % of its products, and in whole numbers single pictures lost
.1 to .2 of IoU.

Why ``auto`` takes both in halves and neither in whole numbers: in halves, with levels taken away, they keep their IoU
on 100 pictures of ECSSD (u2netp .9001 and .9013, u2net .9172 and .9175). In whole numbers u2netp came within .0014
(.9027, .9012), but other tables of ranges gave up to .007 less. It hangs on one picture, at which full precision itself
goes from .75 to .28 when noise of one level is added. u2net in whole numbers has not been measured with this table.
"""

from __future__ import annotations

import hashlib
import logging
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from livebg import weights
from livebg.errors import WeightsError
from livebg.whole_file import write_whole

if TYPE_CHECKING:
    import onnx

    from livebg.segment.runtimes import Precision

TABLES = Path(__file__).with_name("weights")
_MADE = 1  # raise it when another way of making gives other files
_OPSET = 17  # the published 11 has no maximum of bytes
_log = logging.getLogger(__name__)


class Level(NamedTuple):
    """A channel that hardly varies, on any picture.

    Attributes:
        node: Of the convolution that makes it, in the ONNX file.
        module: The same in ``U2Net``; the next of the same list takes the channel, enlarged.
        channel: Which of its channels.
        level: A little less than the least value seen.
    """

    node: str
    module: str
    channel: int
    level: float


@dataclass(frozen=True)
class Published:
    """What is known of a published network, and how it gets into whole numbers.

    Attributes:
        name: In the table of weights.
        levels: Its channels that stand on a level, for half precision (see ``runtimes/centring.py``).
        full: First and last number of nodes that stay in full precision; their names end in numbers that rise.
        holds: Lower precisions in which IoU was measured to stay within 0.002 of full precision's.
    """

    name: str
    levels: tuple[Level, ...]
    full: tuple[tuple[int, int], ...]
    holds: frozenset[Precision] = frozenset()

    @cached_property
    def _table(self) -> bytes:
        return (TABLES / f"{self.name}.ranges.toml").read_bytes()

    def path(self) -> Path:
        """Where the file in whole numbers is or would be."""
        full = weights.path(self.name)
        recipe = hashlib.sha256(self._table + repr((_MADE, self.full)).encode()).hexdigest()
        sha256 = weights.store().entry(self.name).checksum.partition(":")[2]
        return full.with_name(f"{full.stem}-{sha256[:8]}-{recipe[:8]}.int8.onnx")

    def ensure(self) -> Path:
        """The file, made where it is not there or is damaged. Several processes at once make the same.

        Raises:
            WeightsError: The weights cannot be had, or the file cannot be written.
        """
        full, path = weights.ensure(self.name), self.path()
        try:
            if _is_sound(path):
                return path
            _log.warning(
                "%s: making %s in whole numbers, once, in seconds",
                f"{path} is damaged" if path.exists() else self.name, self.name,
            )  # fmt: skip
            made = self._made(full)
            write_whole(_checksum(path), hashlib.sha256(made).hexdigest().encode())
            write_whole(path, made)
        except OSError as exc:
            raise WeightsError(
                f"cannot keep {self.name} in whole numbers in {path.parent}: {exc.strerror or exc}; set LIVEBG_HOME to "
                "a folder that can be written, or choose precision full"
            ) from exc
        return path

    def _made(self, full: Path) -> bytes:
        from livebg.segment.quantise import quantised  # a second, needed once

        table: dict[str, Any] = tomllib.loads(self._table.decode())
        model = load(full)
        keep = [node.name for node in model.graph.node if any(a <= _number(node.name) <= b for a, b in self.full)]
        return bytes(quantised(model, table["ranges"], keep=keep).SerializeToString())


# Behind the convolutions of the side outputs each number is a score, enlarged and mixed to the result.
_MIXING = ((965, 965), (985, 985), (1005, 1005), (1025, 1025), (1045, 1054))

# The second last convolution of two decoder blocks.
_FOURTH, _FIFTH = ("Conv_765", "decoder.3.up.3"), ("Conv_898", "decoder.4.up.3")

PUBLISHED = {
    each.name: each
    for each in (
        Published(
            "u2netp",
            (Level(*_FOURTH, 14, 225.0), Level(*_FIFTH, 12, 51.0)),
            ((333, 554), (765, 787), *_MIXING),
            frozenset({"half"}),
        ),
        Published(
            "u2net",
            (
                Level(*_FOURTH, 9, 39.0),
                Level(*_FOURTH, 16, 70.0),
                Level(*_FOURTH, 20, 62.0),
                Level(*_FOURTH, 25, 31.0),
                Level(*_FIFTH, 10, 71.0),
                Level(*_FIFTH, 13, 121.0),
            ),
            ((765, 787), (898, 920), *_MIXING),
            frozenset({"half"}),
        ),
    )
}


def published_network(path: Path) -> Published | None:
    """What is known of a weights file; ``None`` where it is not a published network in livebg's own cache."""
    return next((each for each in PUBLISHED.values() if weights.path(each.name) == path), None)


def load(full: Path) -> onnx.ModelProto:
    """A published file as it is calibrated and quantised: the fused score alone, in a newer opset."""
    import onnx
    from onnx import version_converter

    model = onnx.load(full)
    del model.graph.output[1:]
    return version_converter.convert_version(model, _OPSET)


def _number(name: str) -> int:
    """Of a node; -1 where it has none, as those that the newer opset brings."""
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else -1


def _checksum(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _is_sound(path: Path) -> bool:
    """Hashed at every start: 44 MB take a thirtieth of a second."""
    if not path.is_file() or not _checksum(path).is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().encode() == _checksum(path).read_bytes()
