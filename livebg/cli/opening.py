"""Opening a network for a command: fetched with a bar where need be, and named to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from livebg import weights
from livebg.build import open_segmenter
from livebg.cli.progress import fetch

if TYPE_CHECKING:
    from livebg.config import SegmentConfig
    from livebg.segment import Segmenter


def load_segmenter(config: SegmentConfig, *, coarse: bool = True, quiet: bool = False, lanes: int = 1) -> Segmenter:
    """The network, with coarse mattes for ``open_matting`` or whole ones, for as many frames at once as ``lanes`` says.

    Raises:
        LivebgError: It, its weights or its device is not there.
    """
    if config.model in weights.names(use="segment"):
        fetch(config.model, quiet=quiet)
    segmenter = open_segmenter(config, coarse=coarse, lanes=lanes)
    if not quiet:
        click.echo(f"model: {segmenter.description}", err=True)
    return segmenter
