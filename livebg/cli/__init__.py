"""The command line: the only part of livebg that prints or exits.

Each command is a thin shell over the library in a file of its own, loaded when it is called, so that
``livebg --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from livebg import __version__
from livebg.errors import LivebgError, one_line

_COMMANDS = {
    "process": ("livebg.cli.process:process", "Replace the background of videos and pictures."),
    "live": ("livebg.cli.live:live", "From a camera to a virtual camera, on time, and never the real room."),
    "ctl": ("livebg.cli.ctl:ctl", "Change a live run while it goes on."),
    "demo": ("livebg.cli.demo:demo", "A real person on a new background, in one command."),
    "models": ("livebg.cli.models:models", "List, fetch, verify and remove weights."),
    "eval": ("livebg.cli.eval:eval_", "Measure quality against ground truth."),
    "train": ("livebg.cli.train:train", "Train networks of our own."),
    "label": ("livebg.cli.label:label", "Make masks for pictures, to train on."),
    "bench": ("livebg.cli.bench:bench", "Measure speed, as ratios in one run."),
    "doctor": ("livebg.cli.doctor:doctor", "Say what this machine has, and how to get what is missing."),
}

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _LazyGroup(click.Group):
    """A group that knows its commands' names and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livebg")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Takes the background out of moving pictures, live."""


def main() -> None:
    """The console script: every known failure becomes one line on stderr and an exit code."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]  # wherever it stands
    _end_on_signals()
    _write_every_name()
    try:
        code = cli.main(arguments, prog_name="livebg", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        exc.show()
        code = exc.exit_code
    except click.ClickException as exc:
        asked = exc.ctx.command_path if isinstance(exc, click.UsageError) and exc.ctx is not None else "livebg"
        click.echo(f"livebg: {exc.format_message().rstrip('.')}: see {asked} --help", err=True)
        code = exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("livebg: interrupted", err=True)
        code = _INTERRUPTED
    except LivebgError as exc:
        if debug:
            raise
        click.echo(f"livebg: {one_line(exc)}", err=True)
        code = exc.exit_code
    except BrokenPipeError:
        # Whoever read us is gone (``livebg models list | head``); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    code = code if isinstance(code, int) else 0
    ahead = sys.modules.get("livebg.segment.ahead")  # not imported for this: it is slow
    if ahead is not None and ahead.lanes_at_work():  # see there why the interpreter must not go down under them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _write_every_name() -> None:
    """A name whose bytes are no text, or with letters that the terminal's encoding lacks, is shown and ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _end_on_signals() -> None:
    """Ctrl-C, SIGTERM or a terminal that is closed ends in good order; a second one ends at once.

    Whoever ignores SIGHUP, as ``nohup`` does, goes on without a terminal.
    """
    ending = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def first(number: int, frame: FrameType | None) -> None:
        for each in ending:
            signal.signal(each, lambda *_: os._exit(_INTERRUPTED))
        if number not in (signal.SIGINT, signal.SIGTERM):  # nobody reads any more, and writing there would fail
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for terminal in terminals:
                os.dup2(nowhere, terminal)
        raise KeyboardInterrupt

    for each in ending:
        signal.signal(each, first)
