"""Command-line options made from the configuration models, so that a key is described once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import click

from livebg.config import Config, Section, flag_of, section_model
from livebg.config_file import load
from livebg.errors import UsageError

Command = Callable[..., Any]

_SHORT = {("output", "output"): "-o", ("output", "quiet"): "-q"}
_SEPARATOR = "__"


def config_options(*sections: str, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command ``--config`` and one option for each key of these sections.

    Args:
        sections: Names of ``Config``'s fields.
        without: Keys that the command has no use for.

    The command receives ``config``: defaults, then the file, then the command line.
    """

    def decorate(command: Command) -> Command:
        def collected(config: str | None, **values: object) -> object:
            own = {name: value for name, value in values.items() if _SEPARATOR not in name}
            given: dict[str, dict[str, object]] = {}
            for name, value in values.items():
                if _SEPARATOR in name and value is not None:
                    section, key = name.split(_SEPARATOR)
                    given.setdefault(section, {})[key] = value
            return command(config=(load(config) if config else Config()).override(given), **own)

        collected.__doc__ = command.__doc__
        collected.__name__ = command.__name__
        collected.__click_params__ = list(getattr(command, "__click_params__", []))  # type: ignore[attr-defined]
        for section in reversed(sections):
            model = section_model(section)
            for key in reversed([key for key in model.model_fields if key not in without]):
                collected = _option(section, key, model)(collected)
        return click.option("--config", metavar="FILE|PRESET", help="A TOML file, or a preset by name.")(collected)

    return decorate


def refuse_typed(section: str, key: str, why: str) -> None:
    """Refuse an option that would change nothing, where the user typed it: a file may say more than one call needs.

    Args:
        section: Of the configuration.
        key: Of that section.
        why: And what to do instead.

    Raises:
        UsageError: It was typed in the command that runs.
    """
    value = typed(section, key)
    if value is not None:
        raise UsageError(f"--{flag_of(section, key)} {value}: {why}")


def typed(section: str, key: str) -> object:
    """What the user typed for an option of the command that runs; ``None`` where nothing."""
    return click.get_current_context().params.get(f"{section}{_SEPARATOR}{key}")


def _option(section: str, key: str, model: type[Section]) -> Callable[[Command], Command]:
    field = model.model_fields[key]
    flag = f"--{flag_of(section, key)}"
    name = f"{section}{_SEPARATOR}{key}"
    short = [_SHORT[section, key]] if (section, key) in _SHORT else []
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", *short, name, default=None, help=field.description)
    default = "" if field.default is None else f"  [default: {field.default}]"
    return click.option(*short, flag, name, metavar=_metavar(section, key, model), help=f"{field.description}{default}")


def _metavar(section: str, key: str, model: type[Section]) -> str:
    annotation = model.model_fields[key].annotation
    schema = model.model_json_schema()["properties"][key]
    for each in [schema, *schema.get("anyOf", [])]:
        if "metavar" in each:
            return str(each["metavar"])
    kinds = {each.get("type") for each in [schema, *schema.get("anyOf", [])]}
    number = "N" if "integer" in kinds else "X" if "number" in kinds else None
    for each in (annotation, *get_args(annotation)):
        if get_origin(each) is Literal:
            return "|".join((*get_args(each), number) if number else get_args(each))
    return number or "TEXT"
