"""The training loop: read it from top to bottom.

Time is the budget. The learning rate follows the part of the time (or of the steps) that is spent, so that a short run
and a long one both end at rest. A checkpoint holds everything that the next step depends on; batches follow from the
step's number (see ``shots``), so that a resumed run goes on as if nothing had happened.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from livebg.errors import SinkError, UsageError, WeightsError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.runtimes import choose
from livebg.segment.segmenter import find_model
from livebg.segment.u2net import CONFIGS, U2Net
from livebg.train.losses import total_loss
from livebg.train.mining import with_hard, with_mined
from livebg.train.recipe import Recipe
from livebg.train.record import Log, Sums
from livebg.train.shots import open_batches
from livebg.train.start import new_network
from livebg.train.validation import groups_of, normalised, validate

if TYPE_CHECKING:
    from livebg.train.folders import Library, Shelf
    from livebg.train.shots import Batch
    from livebg.train.validation import Example, Measure

LAST, BEST, LOG = "last.pt", "best.pt", "log.jsonl"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop, and how often to look up.

    Attributes:
        minutes: Of training, those of the runs before a resumption included.
        steps: At most so many; where given, the learning rate follows them and not the clock.
        save_every: Minutes between checkpoints, each with a validation.
        pause: Minutes after which this call saves and returns, to be resumed: for machines lent for a while.
    """

    minutes: float
    steps: int | None = None
    save_every: float = 5.0
    pause: float = math.inf


@dataclass(slots=True)
class State:
    """What the next step depends on, besides the recipe and the data."""

    network: U2Net
    average: U2Net
    optimiser: torch.optim.AdamW
    scaler: torch.amp.GradScaler
    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    pictures: int = 0

    @property
    def counters(self) -> tuple[int, float, float, int]:
        """The numbers of it, as a checkpoint holds them."""
        return self.step, self.seconds, self.best, self.pictures

    @counters.setter
    def counters(self, found: tuple[int, float, float, int]) -> None:
        self.step, self.seconds, self.best, self.pictures = found

    def spent(self, budget: Budget) -> float:
        """The part of the budget that is gone, 0..1."""
        part = self.step / budget.steps if budget.steps else self.seconds / (60 * budget.minutes)
        return min(1.0, part)


def train(
    recipe: Recipe,
    library: Library,
    run: Path,
    budget: Budget,
    *,
    found: list[Example],
    measures: dict[str, Measure],
    device: str = "cpu",
    half: bool = False,
    workers: int = 0,
    resume: bool = False,
    say: Say,
) -> Path:
    """Train until the budget is spent.

    Args:
        recipe: What to train on what.
        library: The pictures.
        run: A folder for checkpoints, the log, and TensorBoard's files where it is installed.
        budget: When to stop.
        found: What weights are judged by.
        measures: By name; ``mad`` decides which weights are the best.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. On CUDA in bfloat16 where it is native, else in float16.
        half: In bfloat16 on a CPU too: twice as fast on one that multiplies matrices of it (Intel's AMX), else slower.
        workers: Processes that draw pictures ahead.
        resume: Go on from the run's last checkpoint.
        say: Told what a person should know.

    Returns:
        The best averaged weights so far.

    Raises:
        UsageError: There is a run already and ``resume`` is not asked for, or the other way round; it was begun with
            another recipe.
        DeviceError: The device is not there.
        WeightsError: The weights to start from cannot be had; loss or weights are not numbers any more.
        SinkError: A checkpoint cannot be written.
    """
    device = choose(device, "torch").device
    cuda = device.startswith("cuda")
    dtype = torch.float16 if cuda and not torch.cuda.is_bf16_supported() else torch.bfloat16
    scaler = torch.amp.GradScaler("cuda", enabled=cuda and dtype == torch.float16)
    state = _begin(recipe, run, device, scaler, groups_of(found), resume=resume)
    teacher = load_checkpoint(find_model(recipe.teacher)).network.to(device) if recipe.teacher else None
    precision = torch.autocast(device.partition(":")[0], dtype, enabled=half or cuda)
    with precision:
        shelf = _mined(library.train, recipe, device, say)
    log = Log(run / LOG)
    until_saved, now = 60 * budget.save_every, time.monotonic()
    until = now + 60 * budget.pause
    sums, said = Sums(), state.counters
    for batch in open_batches(shelf, recipe, first=state.step, workers=workers):
        rate = recipe.rate * min(1.0, (state.step + 1) / max(1, recipe.warm_up)) * _cosine(state.spent(budget))
        parts = _losses(state.network, batch, recipe, device, teacher, precision)
        _step(state, parts, rate, recipe)
        state.pictures += len(batch.pictures)
        sums.add(parts)
        before, now = now, time.monotonic()
        state.seconds += now - before
        until_saved -= now - before
        done = state.spent(budget) >= 1 or state.seconds >= 60 * budget.minutes or now >= until
        if state.step % 50 == 0 or done:
            line = sums.means()
            if not all(map(math.isfinite, line.values())):
                raise WeightsError(f"the loss is not a number at step {state.step}: lower the recipe's rate")
            log.add("loss", state.counters, {**line, "rate": rate})
            speed = (state.pictures - said[3]) / max(1e-9, state.seconds - said[1])
            sums, said = Sums(), state.counters
            say(f"step {state.step}: loss {sum(line.values()):.4f}, {speed:.1f} pictures/s, rate {rate:.1e}")
        if until_saved <= 0 or done:
            _look_up(state, recipe, run, found, measures, log, say)
            until_saved, now = 60 * budget.save_every, time.monotonic()  # validation is not training time
        if done:
            return run / BEST
    raise AssertionError("batches have no end")


def averaged_network(checkpoint: Path) -> tuple[U2Net, Recipe]:
    """The averaged weights of a run's last or best checkpoint, with the recipe that they came from.

    Raises:
        WeightsError: It is not a checkpoint of ``train``.
    """
    found = _loaded(checkpoint)
    recipe = Recipe.model_validate_json(found["recipe"])
    network = U2Net(CONFIGS[recipe.network])
    network.load_state_dict(found["average"])
    return network.eval().requires_grad_(False), recipe


def _mined(shelf: Shelf, recipe: Recipe, device: str, say: Say) -> Shelf:
    """The shelf with what the network that training starts from gets wrong, where the recipe wants it."""
    scenes = recipe.scenes
    if not (scenes.mine or scenes.hard):
        return shelf
    start = new_network(recipe.network, recipe.start).to(device).eval()
    if scenes.mine:
        known = len(shelf.decoys)
        shelf = with_mined(shelf, start, recipe.sizes, np.random.default_rng(recipe.seed))
        mined = len(shelf.decoys) - known
        say(f"{len(shelf.decoys)} rooms and windows of rooms fool networks, {mined} of them this one")
    if scenes.hard:
        shelf = with_hard(shelf, start, recipe.sizes, scenes.as_taken_odds)
        say(f"{sum(map(len, shelf.hard.values()))} pictures of people are hard for it")
    return shelf


def _begin(
    recipe: Recipe, run: Path, device: str, scaler: torch.amp.GradScaler, groups: list[str], *, resume: bool
) -> State:
    last = run / LAST
    if resume and not last.is_file():
        raise UsageError(f"{run} has no {LAST} to resume from: leave out --resume")
    if last.is_file() and not resume:
        raise UsageError(f"{run} holds a run already: --resume it or give another folder")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SinkError(f"cannot make {run}: {exc.strerror}") from exc
    torch.manual_seed(recipe.seed)
    network = new_network(recipe.network, "" if resume else recipe.start)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    state = State(network, copy.deepcopy(network).requires_grad_(False).eval(), optimiser, scaler)
    if resume:
        found = _loaded(last)
        begun = Recipe.model_validate_json(found["recipe"])
        changed = [name for name, value in recipe if value != getattr(begun, name)]
        if changed:
            raise UsageError(f"{run} was begun with another recipe ({', '.join(changed)}): resume it with the same")
        state.network.load_state_dict(found["network"])
        state.average.load_state_dict(found["average"])
        state.optimiser.load_state_dict(found["optimiser"])
        # Empty where it scaled nothing, as in bfloat16; older checkpoints have none.
        if found.get("scaler"):
            state.scaler.load_state_dict(found["scaler"])
        state.counters = found["counters"]
        if found.get("groups") != groups:
            state.best = math.inf  # it was judged by others: the best so far is another number
    return state


def _losses(
    network: U2Net, batch: Batch, recipe: Recipe, device: str, teacher: U2Net | None, precision: torch.autocast
) -> dict[str, Tensor]:
    pictures = normalised(batch.pictures.to(device, non_blocking=True))
    truth = batch.alphas.to(device, non_blocking=True)[:, None].float() / 255
    taught = None
    with precision:
        if teacher is not None:
            with torch.no_grad():
                taught = teacher(pictures)
        logits = network.logits(pictures)
    return total_loss(logits, truth, recipe.losses, frames=batch.frames, teacher=taught)


def _step(state: State, parts: dict[str, Tensor], rate: float, recipe: Recipe) -> None:
    optimiser, scaler = state.optimiser, state.scaler
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    scaler.scale(torch.stack(list(parts.values())).sum()).backward()  # type: ignore[no-untyped-call]
    scaler.unscale_(optimiser)
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    scaler.step(optimiser)
    scaler.update()
    state.step += 1
    # Young averages forget faster, or they would remember the beginning.
    keep = min(recipe.average, state.step / (state.step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(list(state.average.parameters()), list(state.network.parameters()), 1 - keep)


def _look_up(
    state: State, recipe: Recipe, run: Path, found: list[Example], measures: dict[str, Measure], log: Log, say: Say
) -> None:
    """Save, validate the averaged weights, and keep them if they are the best so far.

    Raises:
        WeightsError: A weight is not a number: what was saved before stays, to be gone on from.
        SinkError: A file cannot be written.
    """
    both = (*state.network.parameters(), *state.average.parameters())
    if not all(bool(weight.isfinite().all()) for weight in both):
        raise WeightsError(f"weights are not numbers at step {state.step}: lower the recipe's rate")
    means = validate(state.average, recipe.sizes, found, measures, sure=recipe.stated.empties)
    flat = {f"{group}/{name}": value for group, row in means.items() for name, value in row.items()}
    log.add("validation", state.counters, flat)
    better = means["all"]["mad"] < state.best
    state.best = min(state.best, means["all"]["mad"])
    kept = {"recipe": recipe.model_dump_json(), "average": state.average.state_dict(), "counters": state.counters}
    kept["groups"] = groups_of(found)
    if better:
        save(kept, run / BEST)
    rest = {"network": state.network.state_dict(), "optimiser": state.optimiser.state_dict()}
    save(kept | rest | {"scaler": state.scaler.state_dict()}, run / LAST)
    table = "; ".join(
        f"{group} " + " ".join(f"{name} {value:.4g}" for name, value in row.items()) for group, row in means.items()
    )
    say(f"step {state.step}, {state.pictures} pictures: {table}{' (best)' if better else ''}")


def save(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, under its name only when it is whole.

    Raises:
        SinkError: It cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        torch.save(content, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as exc:  # torch's writer raises RuntimeError on a full disk
        raise SinkError(f"cannot write {path}: {exc}") from exc


def _loaded(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise WeightsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (RuntimeError, UnpicklingError, EOFError) as exc:
        raise WeightsError(f"{path} is not a checkpoint: {(str(exc).splitlines() or ['damaged'])[0]}") from exc
    if not isinstance(found, dict) or not {"recipe", "average", "counters"} <= found.keys():
        raise WeightsError(f"{path} is not a checkpoint of livebg train")
    return found


def _cosine(spent: float) -> float:
    """From 1 to 0.02: Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts."""
    return 0.02 + 0.98 * (1 + math.cos(math.pi * spent)) / 2
