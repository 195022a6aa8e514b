"""The mean of several runs' weights, as one more run.

Runs that begin from common weights lie in one basin: between them the loss is often lower than at either, for nothing
more to compute. Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves
accuracy without increasing inference time", ICML 2022.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from livebg.errors import SinkError, UsageError, WeightsError
from livebg.train.loop import BEST, averaged_network, save

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUNDING = 1e-6


def mix(parts: Sequence[tuple[Path, float]], run: Path) -> Path:
    """Mix the best weights of runs.

    Args:
        parts: Run folders and their shares, which add up to 1. The first one's recipe is the mix's, and so are its
            sizes and what its file states.
        run: The folder of the new run.

    Returns:
        Its ``best.pt``, for ``export``.

    Raises:
        UsageError: Shares that do not add up to 1, or a run in ``run`` already.
        WeightsError: A part has no best weights, or those of another network.
        SinkError: It cannot be written.
    """
    total = math.fsum(share for _, share in parts)
    if abs(total - 1) > _ROUNDING or any(not 0 < share <= 1 for _, share in parts):
        raise UsageError(f"the shares of a mix are above 0 and add up to 1, got {total:g}: give RUN=SHARE for each")
    best = run / BEST
    if best.exists():
        raise UsageError(f"{run} holds a run already: give another folder")
    found = [averaged_network(part / BEST) for part, _ in parts]
    networks = {recipe.network for _, recipe in found}
    if len(networks) > 1:
        raise WeightsError(f"only weights of one network can be mixed, got {' and '.join(sorted(networks))}")
    states = [network.state_dict() for network, _ in found]
    mean = {
        key: torch.stack([share * state[key] for (_, share), state in zip(parts, states, strict=True)]).sum(0)
        for key in states[0]
    }
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SinkError(f"cannot make {run}: {exc.strerror}") from exc
    save({"recipe": found[0][1].model_dump_json(), "average": mean, "counters": (0, 0.0, 0.0, 0)}, best)
    return best
