"""Configurations as they lie on disk: a file by its path, or a preset by its name."""

from __future__ import annotations

import tomllib
from pathlib import Path

from livebg.config import Config, validated
from livebg.config_problems import nearest
from livebg.errors import ConfigError


def load(path_or_preset: str) -> Config:
    """Read a configuration file, or a preset by its name (``paper`` for configs/paper.toml).

    Raises:
        ConfigError: There is no such file or preset; it is not TOML; a key is unknown or a value out of range.
    """
    path = _find(path_or_preset)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}") from exc
    return validated(values, f"{path}: ")


def presets() -> dict[str, Path]:
    """The presets that come with livebg, by name."""
    here = Path(__file__).parent
    # In a wheel they lie inside the package; in a checkout, beside it.
    folders = (here / "configs", here.parent / "configs")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def _find(path_or_preset: str) -> Path:
    path = Path(path_or_preset)
    if path.suffix == ".toml" or path.exists():
        return path
    known = presets()
    if path_or_preset in known:
        return known[path_or_preset]
    raise ConfigError(
        f"--config {path_or_preset}: no such file and no such preset; presets: {', '.join(known)}"
        + nearest(path_or_preset, known)
    )
