"""The loop: it learns, it goes on where it was interrupted, and it ends when its budget is spent."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from livebg.errors import DeviceError, SinkError, UsageError, WeightsError
from livebg.train.loop import BEST, LAST, LOG, Budget, averaged_network, train
from livebg.train.start import new_network
from livebg.train.validation import examples, matte_of, normalised, validate

EXAMPLES = 10  # two of each group


def mad(ours, true) -> float:
    return float(np.abs(ours - true).mean())


@pytest.fixture
def run(library, recipe, tmp_path):
    """Train the tiny recipe: two examples of each group, validation after every step."""
    found = examples(library.validation, recipe, each=2)

    def start(name="run", *, steps=4, minutes=10.0, pause=math.inf, measure=mad, lines=None, **options):
        say = [].append if lines is None else lines.append
        budget = Budget(minutes, steps, 0, pause)
        plan = options.pop("recipe", recipe)
        return train(plan, library, tmp_path / name, budget, found=found, measures={"mad": measure}, say=say, **options)

    return start


def weights(path) -> dict[str, torch.Tensor]:
    content = torch.load(path, weights_only=True)
    return {**content["network"], **{f"average {name}": value for name, value in content["average"].items()}}


def differences(one, other) -> dict[str, float]:
    """What the last weights of two runs differ in, and by how much at most."""
    ours, theirs = weights(one / LAST), weights(other / LAST)
    assert ours.keys() == theirs.keys()
    return {
        name: float((ours[name] - theirs[name]).abs().max())
        for name in ours
        if not torch.equal(ours[name], theirs[name])
    }


class Interrupted(Exception):
    pass


def test_an_interrupted_run_that_is_resumed_equals_one_that_was_not(run, tmp_path):
    run("whole")
    calls = 0

    def breaks_down(ours, true) -> float:
        nonlocal calls
        calls += 1
        if calls > 2 * EXAMPLES + 1:  # in the validation after the third step
            raise Interrupted
        return mad(ours, true)

    with pytest.raises(Interrupted):
        run("halves", measure=breaks_down)
    assert torch.load(tmp_path / "halves" / LAST, weights_only=True)["counters"][0] == 2
    run("halves", resume=True)
    assert differences(tmp_path / "whole", tmp_path / "halves") == {}


class _Scaler(torch.amp.GradScaler):
    """What a card without bfloat16 would have, on the processor: its first step is too large and skipped."""

    def __init__(self, device: str, enabled: bool) -> None:
        assert not enabled, "there is no CUDA here"
        super().__init__("cpu", init_scale=2.0**127, backoff_factor=2.0**-100)


def test_a_resumed_run_goes_on_with_the_scale_of_its_losses(run, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.amp, "GradScaler", _Scaler)
    run("whole")
    run("parts", pause=1e-9)
    run("parts", resume=True)
    assert torch.load(tmp_path / "whole" / LAST, weights_only=True)["scaler"]["scale"] == 2.0**27
    assert differences(tmp_path / "whole", tmp_path / "parts") == {}


def test_a_checkpoint_from_before_scales_were_kept_is_gone_on_with(run, tmp_path):
    run("whole")
    run("old", pause=1e-9)
    content = torch.load(tmp_path / "old" / LAST, weights_only=True)
    assert content.pop("scaler") == {}
    torch.save(content, tmp_path / "old" / LAST)
    run("old", resume=True)
    assert differences(tmp_path / "whole", tmp_path / "old") == {}


@pytest.mark.parametrize(("average", "kept"), [(0.998, 2 / 12), (0.1, 0.1)])
def test_a_young_average_forgets_its_beginning(run, recipe, tmp_path, average, kept):
    """Of the average before, the second step keeps 2 / (2 + 10), and never more than the recipe says."""
    plan = recipe.model_copy(update={"average": average})
    found = []
    for resume in (False, True):
        run(recipe=plan, pause=1e-9, resume=resume)
        found.append(torch.load(tmp_path / "run" / LAST, weights_only=True))
    assert [content["counters"][0] for content in found] == [1, 2]
    (before, _), (after, network) = ((content["average"], content["network"]) for content in found)
    for name in averaged_network(tmp_path / "run" / LAST)[0].state_dict():
        if before[name].dtype == torch.float32 and "running" not in name:
            torch.testing.assert_close(after[name], torch.lerp(network[name], before[name], kept))


def test_weights_that_are_no_numbers_are_not_saved(run, tmp_path, monkeypatch):
    clip = torch.nn.utils.clip_grad_norm_
    calls = 0

    def breaks(parameters, norm) -> None:
        nonlocal calls
        calls += 1
        found = list(parameters)
        clip(found, norm)
        if calls == 3:
            found[0].grad.fill_(math.nan)  # the loss of this step is a number, and no other is looked at until step 50

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", breaks)
    with pytest.raises(WeightsError, match="weights are not numbers at step 3: lower the recipe's rate"):
        run("nan", steps=60)
    for name in (LAST, BEST):
        content = torch.load(tmp_path / "nan" / name, weights_only=True)
        assert content["counters"][0] <= 2
        assert all(value.isfinite().all() for value in content["average"].values())


def test_it_learns_one_scene_by_heart(run, recipe, library, tmp_path):
    """On rooms without people alone, alpha must fall."""
    scenes = recipe.scenes.model_copy(update={"empty": 1.0, "as_taken": 0.0})
    plan = recipe.model_copy(update={"scenes": scenes, "rate": 2e-3, "shots": 0.0})
    best = run("empty", steps=12, recipe=plan)
    network, _ = averaged_network(best)
    found = [each for each in examples(library.validation, plan, each=2) if each.group == "empty"]
    pictures = normalised(torch.from_numpy(np.stack([found[0].picture])))
    torch.manual_seed(plan.seed)
    untrained = new_network(plan.network, plan.start).eval()
    with torch.inference_mode():
        assert network(pictures).mean() < 0.9 * untrained(pictures).mean()


def test_the_best_weights_are_kept_and_not_the_last(run, tmp_path):
    scores = iter([5.0] * EXAMPLES + [1.0] * EXAMPLES + [9.0] * 100)
    best = run("best", measure=lambda ours, true: next(scores))
    assert best.stat().st_size < (tmp_path / "best" / LAST).stat().st_size / 3  # small enough to be sent about
    assert best == tmp_path / "best" / BEST
    assert torch.load(best, weights_only=True)["counters"][0] == 2
    assert torch.load(tmp_path / "best" / LAST, weights_only=True)["counters"][0] == 4


def test_the_clock_ends_it_where_no_steps_are_given(run, tmp_path):
    run("clock", steps=None, minutes=1e-6)
    assert torch.load(tmp_path / "clock" / LAST, weights_only=True)["counters"][0] == 1


def test_a_call_that_pauses_is_gone_on_with(run, tmp_path):
    run("whole")
    for resume in (False, True, True):
        run("parts", resume=resume, pause=1e-9)
    assert torch.load(tmp_path / "parts" / LAST, weights_only=True)["counters"][0] == 3
    run("parts", resume=True)
    assert differences(tmp_path / "whole", tmp_path / "parts") == {}


def test_it_says_what_it_does(run, tmp_path):
    lines: list[str] = []
    run("talk", steps=2, lines=lines)
    assert any("pictures/s" in line for line in lines)
    assert any(line.startswith("step 2, 4 pictures: ") and "empty mad" in line for line in lines)
    kinds = {json.loads(line)["kind"] for line in (tmp_path / "talk" / LOG).read_text().splitlines()}
    assert kinds == {"loss", "validation"}


def test_drawing_ahead_changes_nothing(run, tmp_path):
    run("alone", steps=2)
    run("helped", steps=2, workers=1)
    assert differences(tmp_path / "alone", tmp_path / "helped") == {}


def test_a_teacher_s_word_counts(run, recipe, tmp_path):
    from livebg.train.export import export

    teacher = export(run("teacher", steps=1), tmp_path / "files", "teacher")[0]
    losses = recipe.losses.model_copy(update={"teacher": 1.0})
    run("taught", steps=1, recipe=recipe.model_copy(update={"teacher": str(teacher), "losses": losses}))
    line = json.loads((tmp_path / "taught" / LOG).read_text().splitlines()[0])
    assert line["teacher"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_said(run):
    with pytest.raises(DeviceError, match="cuda:0 cannot be used"):
        run("cuda", device="cuda")


def test_a_run_is_neither_overwritten_nor_made_up(run, recipe, tmp_path):
    with pytest.raises(UsageError, match=r"no last\.pt to resume from"):
        run("new", resume=True)
    run("new", steps=1)
    with pytest.raises(UsageError, match="holds a run already"):
        run("new")
    with pytest.raises(UsageError, match=r"begun with another recipe \(batch, rate\)"):
        run("new", resume=True, recipe=recipe.model_copy(update={"batch": 4, "rate": 0.1}))
    (tmp_path / "new" / LAST).write_text("no checkpoint")
    with pytest.raises(WeightsError, match=r"last\.pt is not a checkpoint"):
        run("new", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot make"):
        run("file/run")


def test_a_loss_that_is_no_number_ends_it(run, recipe):
    plan = recipe.model_copy(update={"losses": recipe.losses.model_copy(update={"l1": float("inf")})})
    with pytest.raises(WeightsError, match="the loss is not a number at step 1"):
        run("nan", steps=1, recipe=plan)


def test_validation_counts_every_group_once(library, recipe):
    found = examples(library.validation, recipe, each=3)
    assert {each.group for each in found} == {"upper", "full", "calls", "empty", "poor"}
    means = validate(averaged(recipe), recipe.sizes, found, {"one": lambda ours, true: 1.0, "mad": mad}, sure=True)
    groups = [row["mad"] for name, row in means.items() if name != "all"]
    assert means["all"] == {"one": 1.0, "mad": pytest.approx(np.mean(groups))}


def averaged(recipe):
    from livebg.train.start import new_network

    return new_network(recipe.network, "").eval()


def test_a_matte_is_as_large_as_its_picture(recipe):
    picture = np.random.default_rng(0).integers(0, 256, (37, 91, 3), np.uint8)
    alpha = matte_of(averaged(recipe), recipe.sizes, picture)
    assert alpha.shape == (37, 91)
    assert 0 <= alpha.min() <= alpha.max() <= 1


def test_an_upright_picture_is_judged_at_its_own_size(recipe):
    sizes = []

    def see(module, inputs):
        sizes.append(tuple(inputs[0].shape[2:]))

    network = averaged(recipe)
    network.register_forward_pre_hook(see)
    plan = recipe.model_copy(update={"upright": (56, 72)})
    for shape in ((90, 60, 3), (60, 90, 3)):
        matte_of(network, plan.sizes, np.zeros(shape, np.uint8))
    assert sizes == [(72, 56), (48, 64)]


def test_validation_judges_what_those_see_who_use_it(recipe, library):
    class Doubtful(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, pictures):
            return torch.full_like(pictures[:, :1], 0.92)

    found = examples(library.validation, recipe, each=1)
    mean = {"mean": lambda ours, true: float(ours.mean())}
    kept, dropped = (validate(Doubtful(), recipe.sizes, found, mean, sure=sure)["all"] for sure in (False, True))
    assert (kept["mean"], dropped["mean"]) == (1, 0)


def test_a_run_that_was_judged_by_other_groups_finds_its_best_anew(run, tmp_path):
    run("old", steps=2, measure=lambda ours, true: 1.0)
    last = tmp_path / "old" / LAST
    content = torch.load(last, weights_only=True)
    assert content["groups"] == ["calls", "empty", "full", "poor", "upper"]
    torch.save({**content, "groups": ["calls", "empty", "full", "upper"]}, last)
    run("old", steps=4, measure=lambda ours, true: 2.0, resume=True)
    assert torch.load(tmp_path / "old" / BEST, weights_only=True)["counters"][0] == 3  # worse, but the first by these


def test_in_half_precision_on_a_cpu_it_comes_close(run, recipe, tmp_path):
    run("full", steps=2)
    run("half", steps=2, half=True)
    lines = [json.loads((tmp_path / name / LOG).read_text().splitlines()[-2]) for name in ("full", "half")]
    full, half = (line["bce"] for line in lines)
    assert half == pytest.approx(full, rel=0.02)
    assert half != full, "bfloat16 leaves its mark"


@pytest.mark.gpu
def test_on_a_gpu_in_half_precision_it_learns_too(run, recipe):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    network, _ = averaged_network(run("cuda", steps=4, device="cuda"))
    assert all(value.isfinite().all() for value in network.state_dict().values())
