"""What can be said to a live run, a line each: through its standard input, its socket, ``livebg ctl``.

Most commands name a key of the configuration, and go the same way as a change of its file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import NamedTuple, Protocol

from livebg.errors import UsageError

Values = Mapping[str, Mapping[str, object]]
Reply = Callable[[str], None]


class Controlled(Protocol):
    """A run that takes commands."""

    def change(self, values: Values, reply: Reply) -> None:
        """Change the configuration, section by section, in a thread of its own; ``reply`` hears what came of it."""

    def pause(self, on: bool) -> None:
        """Show the slate, or go on."""

    def freeze(self, on: bool) -> None:
        """Keep showing the last picture, or go on."""

    def status(self) -> dict[str, object]:
        """What is shown, with what, and the figures so far."""

    def quit(self) -> None:
        """End the run."""


class Command(NamedTuple):
    """One command's words and meaning, for ``help``."""

    usage: str
    about: str


COMMANDS = {
    "background": Command("background SPEC", "blur, blur:0.8, color:teal, a picture, a video"),
    "blur": Command("blur STRENGTH", "0..1"),
    "model": Command("model NAME", "people, people-nano, u2netp, u2net or a checkpoint; loads, then takes over"),
    "smooth": Command("smooth off|light|strong", "how steady"),
    "refine": Command("refine auto|guided|...", "how fine"),
    "mirror": Command("mirror on|off", "left becomes right"),
    "zoom": Command("zoom N", "1..8"),
    "framing": Command("framing off|auto", "follow the subject"),
    "crop": Command("crop WxH+X+Y|off", "use this part of the camera's picture"),
    "freeze": Command("freeze [on|off]", "keep showing the last picture"),
    "pause": Command("pause [on|off]", "show the slate"),
    "resume": Command("resume", "end pause and freeze"),
    "status": Command("status", "figures as JSON"),
    "quit": Command("quit", "end the run"),
    "help": Command("help", "this list"),
}

_KEYS = {
    "background": ("compose", "background"),
    "blur": ("compose", "background"),
    "model": ("segment", "model"),
    "smooth": ("smooth", "smooth"),
    "refine": ("refine", "refine"),
    "mirror": ("live", "mirror"),
    "zoom": ("live", "zoom"),
    "framing": ("live", "framing"),
    "crop": ("live", "crop"),
}
_SHORT = {"q": "quit", "p": "pause", "f": "freeze", "m": "mirror", "s": "status", "?": "help"}
_SWITCH = {"on": True, "off": False}


def obey(line: str, run: Controlled, reply: Reply) -> None:
    """Do what a line says.

    Args:
        line: A command and its value; empty ones do nothing.
        run: What is told.
        reply: Called once, now or later and from any thread, with one or several lines of text.

    Raises:
        UsageError: There is no such command, or its value is missing or wrong. ``reply`` is not called then.
    """
    word, _, value = line.strip().partition(" ")
    word, value = _SHORT.get(word, word), value.strip()
    if word not in COMMANDS:
        near = get_close_matches(word, COMMANDS, n=1)
        raise UsageError(f"there is no command {word!r}: {f'did you mean {near[0]}?' if near else 'say help'}")
    if word in _KEYS:
        section, key = _KEYS[word]
        if not value:
            raise UsageError(f"say {COMMANDS[word].usage}")
        wanted = {"blur": f"blur:{value}", "crop": None if value == "off" else value}.get(word, value)
        run.change({section: {key: wanted}}, reply)
        return
    match word:
        case "freeze":
            run.freeze(_switch(word, value))
        case "pause":
            run.pause(_switch(word, value))
        case "resume":
            run.freeze(False)
            run.pause(False)
        case "quit":
            run.quit()
    match word:
        case "status":
            reply(json.dumps(run.status()))
        case "help":
            reply("\n".join(f"{each.usage:28} {each.about}" for each in COMMANDS.values()))
        case _:
            reply(line.strip())


def _switch(word: str, value: str) -> bool:
    if value not in ("", *_SWITCH):
        raise UsageError(f"{word} {value}: say {COMMANDS[word].usage}")
    return _SWITCH.get(value, True)
