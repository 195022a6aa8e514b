"""A cache of weights with one row in its table, and what that row's file holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from livebg.weights import Entry, Store

if TYPE_CHECKING:
    from livebg.fetch import Source

BODY = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


def entry(*sources: Source, size: int | None = len(BODY), checksum: str = f"sha256:{SHA256}") -> Entry:
    return Entry("net", "a network", "segment", "net.bin", checksum, "MIT", sources, size)


def left(store: Store) -> set[str]:
    """The names of the files in it, but for those that it keeps for itself."""
    return {each.name for each in store.folder.iterdir()} - {"net.bin.lock", "net.bin.checked"}
