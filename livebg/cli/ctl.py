"""``livebg ctl``: say something to a live run."""

from __future__ import annotations

from pathlib import Path

import click

from livebg.live.commands import COMMANDS
from livebg.live.control import ask, default_path

_LIST = "\n".join(f"  {each.usage:28} {each.about}" for each in COMMANDS.values())


@click.command(context_settings={"ignore_unknown_options": True}, epilog=f"\b\n{_LIST}")
@click.option("--socket", type=click.Path(path_type=Path), help="Where the run listens, if it was given --control.")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...")
def ctl(socket: Path | None, words: tuple[str, ...]) -> None:
    """Change a run of livebg live while it goes on: livebg ctl background beach.jpg."""
    word, value = words[0], " ".join(words[1:])
    if word in ("background", "model") and Path(value).suffix and Path(value).is_file():
        value = str(Path(value).resolve())  # the run may have been started in another folder
    click.echo(ask(socket or default_path(), f"{word} {value}"))
