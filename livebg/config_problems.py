"""What is wrong with a configuration, each problem as a person would say it in a few words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

_LONGEST = 60  # characters of a value that are shown


def problems(
    error: ValidationError,
    model: type[BaseModel],
    table: Sequence[str] = (),
    *,
    flag: Callable[[str, str], str] | None = None,
) -> Iterator[str]:
    """Each problem as «key = value: what it must be»; a key that takes one kind or another says both.

    Args:
        error: What validation found.
        model: The whole configuration, with a table a field.
        table: Where in it was validated; nothing where all of it was.
        flag: Names a key of a table as the command line does, without dashes; ``None`` names it as the file does.
    """
    wrong: dict[str, list[str]] = {}
    for each in error.errors():
        location = [*table, *map(str, each["loc"])][:2]
        if each["type"] == "extra_forbidden":
            yield f"unknown key {'.'.join(location)}" + nearest(location[-1], _keys(model, location[:-1]))
            continue
        value = each["input"]
        name = f"--{flag(*location)}" if flag is not None and len(location) == 2 else ".".join(location)
        message = each["msg"].removeprefix("Value error, ").removeprefix("Input ").partition(", unable to")[0]
        choices = each.get("ctx", {}).get("expected", "")
        near = nearest(str(value), [choice.strip("' ") for choice in choices.replace(" or ", ",").split(",")])
        where = f"{name} = {_short(repr(value))}" if flag is None else f"{name} {_short(str(value))}"
        wrong.setdefault(where, []).append(message + near)
    for where, messages in wrong.items():
        yield f"{where}: {' or '.join([messages[0], *(each.removeprefix('should be ') for each in messages[1:])])}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The question whether the most similar name was meant, in brackets; nothing where none is similar."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _keys(model: type[BaseModel], table: Sequence[str]) -> list[str]:
    for name in table:
        inner = model.model_fields[name].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        model = inner
    return list(model.model_fields)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
