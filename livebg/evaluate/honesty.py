"""What stands beside our numbers: the published ones, and whether a model has seen a set while it was trained.

A gain on a set that a model was trained on says nothing about other pictures; every output marks such pairs.
"""

from __future__ import annotations

_OURS = ("duts-tr", "picsart", "ccp", "humanseg290", "cutouts200", "grid")
TRAINED_ON: dict[str, tuple[str, ...]] = {
    "u2net": ("duts-tr",),
    "u2netp": ("duts-tr",),
    "people": _OURS,
    "people-nano": _OURS,
    "cascadepsp": ("msra-10k", "dut-omron", "ecssd", "fss-1000", "duts-te"),
    "guided": (),
    "matting": (),
}
"""Model: sets. U²-Net from its paper (Qin et al., Pattern Recognition 2020); CascadePSP from its paper (Cheng et al.,
CVPR 2020) and, for DUTS-TE, from its training script, which loads both parts of DUTS; ours from their
model card, DUTS-TR because they begin from U²-Netp."""

PUBLISHED: dict[tuple[str, str], dict[str, float]] = {
    ("u2net", "duts-te"): {"max_f": 0.873, "mae": 0.044},
    ("u2net", "dut-omron"): {"max_f": 0.823, "mae": 0.054},
    ("u2net", "ecssd"): {"max_f": 0.951, "mae": 0.033},
    ("u2netp", "duts-te"): {"max_f": 0.852, "mae": 0.054},
    ("u2netp", "dut-omron"): {"max_f": 0.813, "mae": 0.060},
    ("u2netp", "ecssd"): {"max_f": 0.943, "mae": 0.041},
}
"""The U²-Net paper's figures: 320x320, each map stretched to 0..1, whole sets."""


def contamination(dataset: str, *models: str) -> str | None:
    """Why these models' numbers on a set are not held-out; ``None`` where they are.

    Args:
        dataset: A set by name.
        models: Everything that had a part in it; "none" is nothing.
    """
    name = _plain(dataset)
    seen = [model for model in models if name in map(_plain, TRAINED_ON.get(model, ()))]
    if seen:
        return f"{' and '.join(seen)} trained on {dataset}"
    unknown = [model for model in models if model != "none" and model not in TRAINED_ON]
    return f"unknown: what {' and '.join(unknown)} was trained on is not known here" if unknown else None


def published(model: str, dataset: str, *, size: str) -> dict[str, float]:
    """The published figures of a model on a set, by measure; empty where there are none for this size."""
    return PUBLISHED.get((model, dataset.lower()), {}) if size == "320" else {}


def _plain(dataset: str) -> str:
    """A set's name without case and punctuation: people write DUTS_TE and MSRA10K, too."""
    return "".join(letter for letter in dataset.lower() if letter.isalnum())
