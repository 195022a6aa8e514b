"""CascadePSP against the package that it stands for, and every way in which it cannot run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from livebg import weights
from livebg.errors import DeviceError, WeightsError
from livebg.refine.cascade_psp import CascadePSP, load_network
from livebg.refine.cascade_steps import windows
from tests.refine.cascade import blobs, write_random_weights


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cascade")
    yield write_random_weights(folder / "model")  # the name that the package looks for
    shutil.rmtree(folder)  # 270 MB


@pytest.fixture(scope="module")
def package(random_weights):
    from segmentation_refinement import Refiner

    return Refiner("cpu", str(random_weights.parent), download_and_check_model=False)


@pytest.fixture(scope="module")
def fast(random_weights):
    return CascadePSP(random_weights, size=64, device="cpu")


def package_score(package, image, alpha, *, size, fast):
    return package.refine(image, np.rint(alpha * 255).astype(np.uint8), fast=fast, L=size)


def assert_equal(score, package_gives):
    """The package rounds down to 8 bits; what is left must be less than a tenth of a step."""
    assert package_gives.std() > 40, "a flat score proves nothing"
    assert score.dtype == np.float32
    assert score.shape == package_gives.shape
    above = score * 255 - package_gives
    assert above.min() > -0.1
    assert above.max() < 1.1


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(64, 48, 64), (50, 61, 64), (131, 90, 64), (40, 57, 57)],
    ids=["as large as L", "smaller, odd", "larger, odd", "L odd"],
)
def test_fast_equals_the_package(package, random_weights, height, width, size):
    image, alpha = blobs(height, width)
    score = CascadePSP(random_weights, mode="fast", size=size, device="cpu").alpha(image, alpha)
    assert_equal(score, package_score(package, image, alpha, size=size, fast=True))


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(45, 66, 80), (100, 70, 90), pytest.param(140, 201, 128, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["smaller than L", "larger, one column of crops", "larger, odd"],
)
def test_full_equals_the_package(package, random_weights, height, width, size):
    image, alpha = blobs(height, width, seed=1)
    psp = CascadePSP(random_weights, mode="full", size=size, device="cpu", crops=2)
    refined = []
    psp.network.register_forward_pre_hook(lambda _, arguments: refined.append(len(arguments[0])))
    assert_equal(psp.alpha(image, alpha), package_score(package, image, alpha, size=size, fast=False))
    assert sum(refined) > 1, "no crop was refined: only the global step was compared"


def test_tensors_give_what_arrays_give(fast):
    image, alpha = blobs(40, 50)
    score = fast.score(torch.from_numpy(image), torch.from_numpy(alpha))
    assert score.device == fast.device
    np.testing.assert_array_equal(score.numpy(), fast.alpha(image, alpha))


def test_half_precision_says_the_same(random_weights, fast):
    image, alpha = blobs(64, 64)
    half = CascadePSP(random_weights, size=64, device="cpu", precision="half")
    assert next(half.network.parameters()).dtype == torch.bfloat16
    score = half.alpha(image, alpha)
    difference = np.abs(score - fast.alpha(image, alpha))
    assert score.dtype == np.float32
    assert 0 < difference.mean() < 0.02  # bfloat16 has 8 bits; float16 on a GPU has 11


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 400), (300, 2)])
def test_odd_shapes_are_refined(fast, height, width):
    image, alpha = blobs(height, width)
    score = fast.alpha(image, alpha)
    assert score.shape == (height, width)
    assert score.min() >= 0
    assert score.max() <= 1


def test_lines_of_pixels_go_through_local_steps(random_weights):
    image, alpha = blobs(2, 200)
    score = CascadePSP(random_weights, mode="full", size=128, device="cpu").alpha(image, alpha)
    assert score.shape == (2, 200)
    assert np.isfinite(score).all()


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_flat_mattes_and_read_only_arrays_are_taken(fast, value):
    image, alpha = blobs(20, 24)
    alpha[:] = value
    for array in (image, alpha):
        array.flags.writeable = False
    assert np.isfinite(fast.alpha(image, alpha)).all()


def test_what_does_not_fit_is_refused(fast, random_weights):
    image, alpha = blobs(20, 24)
    with pytest.raises(ValueError, match=r"got uint8 \(20, 24, 3\) and \(20, 12\)"):
        fast.alpha(image, alpha[:, :12])
    with pytest.raises(ValueError, match="uint8"):
        fast.alpha(image.astype(np.float32), alpha)
    with pytest.raises(ValueError, match="at least 66 pixels in mode full, got 65"):
        CascadePSP(random_weights, mode="full", size=65)
    with pytest.raises(ValueError, match="crops must be at least 1"):
        CascadePSP(random_weights, crops=0)


def test_out_of_memory_names_the_size_and_the_cure(random_weights):
    image, alpha = blobs(8, 8)
    psp = CascadePSP(random_weights, mode="full", size=10_000_000, device="cpu")
    cure = r"\(full, L=10000000\) ran out of memory on cpu: take a smaller size than L=10000000, or mode fast"
    with pytest.raises(DeviceError, match=cure):
        psp.alpha(image, alpha)


def test_a_score_that_is_no_number_is_an_error(fast):
    bias = fast.network.final_21.bias
    before = bias.clone()
    bias.fill_(torch.nan)
    try:
        with pytest.raises(DeviceError, match=r"gave values that are no numbers: take precision full, or the CPU"):
            fast.alpha(*blobs(20, 24))
    finally:
        bias.copy_(before)


def test_absent_weights_name_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    with pytest.raises(
        WeightsError, match=r"absent at .*cascadepsp\.pth: fetch them with livebg models pull cascadepsp"
    ):
        CascadePSP()
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "cascadepsp.pth").write_bytes(b"half of it")
    with pytest.raises(WeightsError, match=r"damaged at .*livebg models pull cascadepsp"):
        CascadePSP()


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"module.conv.weight": torch.zeros(3)}, "is not of CascadePSP: Missing key.*livebg models pull cascadepsp"),
        ([torch.zeros(3)], "does not hold a state dict"),
        ({"final_21.bias": torch.tensor([torch.nan])}, "final_21.bias has values that are not finite"),
        ({"path": Path("/")}, "is damaged, or holds more than weights"),
    ],
    ids=["another network", "no state dict", "not finite", "more than weights"],
)
def test_wrong_checkpoints_are_refused(tmp_path, value, message):
    with pytest.raises(WeightsError, match=message):
        load_network(saved(value, tmp_path / "model"))


def test_a_checkpoint_of_other_shapes_is_refused(random_weights, tmp_path):
    state = torch.load(random_weights, weights_only=True)
    state["module.final_21.weight"] = torch.zeros(2, 32, 1, 1)
    with pytest.raises(WeightsError, match=r"size mismatch for final_21\.weight"):
        load_network(saved(state, tmp_path / "model"))
    (tmp_path / "model").unlink()  # 270 MB


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*nowhere: No such file"):
        load_network(tmp_path / "nowhere")
    for name, content in (("empty", b""), ("text", b"<html>404</html>"), ("zip", b"PK\x03\x04" + bytes(64))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name} is damaged"):
            load_network(tmp_path / name)


@pytest.mark.parametrize("device", ["mps", "gpu", "cuda:", "cuda:x"])
def test_devices_that_it_does_not_know_are_refused(random_weights, device):
    with pytest.raises(DeviceError, match=f"does not run on '{device}': choose auto, cpu, cuda or cuda:N"):
        CascadePSP(random_weights, device=device)


def test_a_device_that_is_not_there_is_an_error(random_weights):
    with pytest.raises(DeviceError, match=r"cannot run on cuda:99: .*; choose cpu"):
        CascadePSP(random_weights, device="cuda:99")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("mode", ["fast", "full"])
def test_the_gpu_in_half_precision_agrees_with_the_cpu(random_weights, mode):
    image, alpha = blobs(140, 201)
    on_gpu, on_cpu = (
        CascadePSP(random_weights, mode=mode, size=128, device=device).alpha(image, alpha) for device in ("cuda", "cpu")
    )
    assert np.abs(on_gpu - on_cpu).mean() < 0.01


@pytest.mark.slow
def test_importing_it_does_not_import_the_package():
    code = "import sys, livebg.refine.cascade_psp; print([n for n in ('torchvision', 'requests') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("height", "width", "size"), [(300, 200, 128), (100, 400, 150), (66, 66, 66), (10, 10, 900)])
def test_windows_cover_the_picture_once_each(height, width, size):
    crops = list(windows(height, width, size))
    assert len(set(crops)) == len(crops)
    seen = np.zeros((height, width), bool)
    for crop in crops:
        assert crop.bottom - crop.top == min(size, height)
        assert crop.right - crop.left == min(size, width)
        seen[crop.top : crop.bottom, crop.left : crop.right] = True
    assert seen.all()


def sample(folder: Path, name: str) -> np.ndarray:
    """A score out of upstream's sample, which is a plot with axes: 332 x 497 pixels of viridis."""
    green = cv2.imread(str(folder / name))[77:409, 80:577, 1]
    ramp = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[:, 0, 1]  # only ever rises
    return np.interp(green, ramp, np.linspace(0, 1, 256)).astype(np.float32)


def coarse(folder: Path) -> np.ndarray:
    return cv2.imread(str(folder / "aeroplane.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


@pytest.mark.parametrize("name", ["aeroplane_output.png", "aeroplane_output_fast.png"])
def test_the_samples_of_upstream_can_be_read(shared_data, name):
    """Without the weights only this much: the sample lies on the coarse mask that it was made from."""
    folder = shared_data / "cascadepsp"
    found = sample(folder, name)
    mask = cv2.resize(coarse(folder), found.shape[::-1], interpolation=cv2.INTER_AREA)
    both, either = np.minimum(found, mask).sum(), np.maximum(found, mask).sum()
    assert 0.7 < both / either < 0.98


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("mode", "name"), [("fast", "aeroplane_output_fast.png"), ("full", "aeroplane_output.png")])
def test_the_published_weights_give_the_samples_of_upstream(shared_data, mode, name):
    try:
        path = weights.require("cascadepsp")
    except WeightsError as exc:
        pytest.skip(str(exc))
    folder = shared_data / "cascadepsp"
    # Upstream's example feeds what OpenCV reads, which is BGR: so must this comparison, and nothing else.
    image = cv2.imread(str(folder / "aeroplane.jpg"))
    score = CascadePSP(path, mode=mode, size=900).alpha(image, coarse(folder))
    expected = sample(folder, name)
    score = cv2.resize(score, expected.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(score - expected).mean() < 1 / 255
