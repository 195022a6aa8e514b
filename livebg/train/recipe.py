"""A recipe: everything that decides what weights come out, as data in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from livebg.config import Section
from livebg.errors import ConfigError
from livebg.scale import InputSizes, input_sizes
from livebg.segment.metadata import Stated
from livebg.values import NetworkSize

Part = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
RECIPES = Path(__file__).parent / "recipes"


class DataConfig(Section):
    """Which pictures, and how they are split."""

    sources: list[str] = Field(description="Folders under the data root.")
    persons: dict[str, Literal["stem", "prefix", "likeness"]] = Field(
        default={}, description="How a stem names its person; likeness (pictures alike go together) where not said."
    )
    held_back: Part = Field(0.1, description="Part of the people that is kept for validation.")


class SceneConfig(Section):
    """What scenes are made of them."""

    as_taken: Part = Field(description="Part of the scenes that are pictures as they were taken.")
    empty: Part = Field(description="Part of the scenes that are rooms with nobody.")
    decoys: Part = Field(0.3, description="Part of the empty rooms that are known to fool networks.")
    mine: bool = Field(
        False, description="Rooms and windows of them that fool the network that training starts from are decoys too."
    )
    hard: Part = Field(
        0.0,
        description="Part of the pictures as taken that are of the fifth of their source which the network that "
        "training starts from gets most wrong.",
    )
    window: Part = Field(0.5, description="Least part of a room's height that is shown.")
    nothing: Part = Field(
        0.0, description="Part of the empty rooms that are no rooms: a plain colour, grain, a gradient."
    )
    two_people: Part = Field(0.1, description="Part of the composites that show two people.")
    low: Part = Field(0.0, description="Part of the people in composites who sit low in the frame.")
    chairs: Part = Field(0.0, description="Part of the people in composites that have the back of a chair behind them.")
    things: Part = Field(0.0, description="Part of the rooms that have large things standing in them.")
    tables: Part = Field(0.0, description="Part of the composites in which people sit at a table.")
    hues: Part = Field(0.0, description="Part of the people in composites whose colours are turned (hair, cloth).")
    poor: Part = Field(0.0, description="Part of the cameras that are poor ones: dark, hazy, grainy, blurred, coarse.")
    elsewhere: Part = Field(
        0.0, description="Part of the composites that are set where others were photographed, not in a room."
    )
    walls: Part = Field(0.0, description="Part of the other composites that are set before a plain wall.")
    camouflage: Part = Field(0.0, description="Part of the composites whose room is in the person's colours.")
    as_taken_odds: dict[str, Weight] = Field(description="How often each source is shown as taken.")
    composite_odds: dict[str, Weight] = Field(description="How often each source is put before a room.")
    elsewhere_odds: dict[str, Weight] = Field(
        {}, description="How often each source's places are taken; not those of keyed ones, which have none."
    )

    @model_validator(mode="after")
    def _places(self) -> Self:
        if self.elsewhere and not any(self.elsewhere_odds.values()):
            raise ValueError("elsewhere wants elsewhere_odds: whose places are taken")
        return self


class LossConfig(Section):
    """The weight of each loss; see ``losses``."""

    side: Weight = 0.5
    l1: Weight = 2.0
    laplacian: Weight = 2.0
    temporal: Weight = 5.0
    teacher: Weight = 0.0


class Recipe(Section):
    """One training from beginning to end."""

    network: str = Field(description="A name of segment.u2net.CONFIGS.")
    size: NetworkSize = Field(description="What the network sees, WxH; turned for upright pictures.")
    upright: NetworkSize | None = Field(None, description="What it sees of upright pictures in place of that.")
    start: str = Field("", description="What it starts from: a model by name or file, or nothing.")
    teacher: str = Field("", description="A model to learn from besides the masks (distillation), or nothing.")
    batch: Annotated[int, Field(ge=2, multiple_of=2)] = 8
    rate: Annotated[float, Field(gt=0, lt=1)] = Field(5e-4, description="AdamW's highest learning rate.")
    decay: Weight = Field(1e-4, description="AdamW's weight decay.")
    warm_up: Annotated[int, Field(ge=0)] = Field(100, description="Steps in which the rate rises.")
    clip: Annotated[float, Field(gt=0)] = Field(1.0, description="Greatest norm of the gradient.")
    average: Part = Field(0.995, description="How much of the averaged weights one step keeps.")
    shots: Part = Field(0.25, description="Part of the steps that see pairs of neighbouring frames.")
    seed: int = 0
    data: DataConfig
    scenes: SceneConfig
    losses: LossConfig = LossConfig()

    @model_validator(mode="after")
    def _lies(self) -> Self:
        if self.upright is not None and not (self.size[0] >= self.size[1] and self.upright[1] >= self.upright[0]):
            raise ValueError("size must not be upright where upright is given, and upright must not lie")
        return self

    @property
    def sizes(self) -> InputSizes:
        """What the network sees of pictures that lie, and of upright ones."""
        return input_sizes(self.size, self.upright)

    @property
    def stated(self) -> Stated:
        """What the files of its weights say of them."""
        return Stated(self.upright, empties=self.scenes.empty > 0)


def load_recipe(name_or_path: str, changes: Mapping[str, object] | None = None) -> Recipe:
    """A recipe that comes with livebg, by its name, or one's own file.

    Args:
        name_or_path: ``people``, or a .toml.
        changes: Top-level values in place of the file's.

    Raises:
        ConfigError: There is none such; it is not TOML; a key is unknown or a value out of range.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        known = {each.stem: each for each in sorted(RECIPES.glob("*.toml"), key=lambda each: each.stem)}
        if name_or_path not in known:
            raise ConfigError(f"there is no recipe {name_or_path!r}: choose {', '.join(known)} or the path of a .toml")
        path = known[name_or_path]
    try:
        return Recipe.model_validate({**tomllib.loads(path.read_text(encoding="utf-8")), **(changes or {})})
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}") from exc
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in exc.errors())
        raise ConfigError(f"{path}: {problems}") from exc
