"""Alpha by closed-form matting in the band around the edge: for stills, and for clips that may take their time.

Why a prior: within the band the matte so far is not thrown away but kept where the picture says
nothing (a dark sleeve before a dark wall). Without it alpha leaks along the wall: the mean absolute difference in the
band of talking heads (u2netp at 320) then is up to a half larger than before, with it 2 to 3 % smaller.

Why at a bounded size: the system has a row a pixel of the band and 25 entries a row; its solution costs seconds at
1080p. Above that size alpha is brought up as ``guided`` does it, along the edges of the full picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livebg.errors import DeviceError, UsageError
from livebg.frame import Matte
from livebg.refine.guided import Guided
from livebg.refine.guided_settings import GuidedSettings
from livebg.refine.trimap import SUBJECT, UNKNOWN, trimap
from livebg.scale import scaled, scaled_alpha
from livebg.stages import Draft

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image


_REACH = 1 / 60  # radius of the trimap over the longer side
_EPSILON = 1e-6  # variance of colour, of full range 1, that is noise: Levin's epsilon
_PRIOR = 0.1  # w below: weight of the matte so far, where the Laplacian's rows have about 1 on the diagonal
_TOLERANCE = 1e-3  # of the residual: under half a step of 255
_ITERATIONS = 2000


class ClosedForm:
    """Closed-form matting (``stages.Refiner``). Keeps nothing between frames.

    Source: Levin, Lischinski and Weiss, "A closed-form solution to natural image matting", PAMI 2008, with the
    Laplacian of the library pymatting (Germer et al., JOSS 2020); the prior is the paper's section 3.3.
    """

    notes: Sequence[str] = ()

    def __init__(self, *, size: int = 640) -> None:
        """Choose the size to work at.

        Args:
            size: The longer side, in pixels, 32..1024; smaller frames are worked at as they are.

        Raises:
            ValueError: ``size`` is out of range.
            UsageError: The library pymatting is not installed.
        """
        if not 32 <= size <= 1024:
            raise ValueError(f"the size to matte at must lie within 32..1024 pixels, got {size}")
        _require_library()
        self._size = size
        self._enlarge = Guided(GuidedSettings(grid=1024, sharpen=0.0))

    def refine(self, draft: Draft) -> Matte:
        """The matte at the frame's size.

        Args:
            draft: Its matte spans the whole frame, and may be of any size.

        Returns:
            Alpha float32 (H, W) in [0, 1], a new array. Outside the trimap's band it is the matte as it came.

        Raises:
            DeviceError: The system was not solved.
        """
        frame = draft.frame
        scale = min(1.0, self._size / max(frame.width, frame.height))
        size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        prior = scaled_alpha(draft.matte.alpha, *size)
        tri = trimap(prior, max(1, round(_REACH * max(size))))
        alpha = solve(scaled(frame.image, *size), tri, prior)
        if scale == 1:
            return Matte(alpha)
        self._enlarge.reset()
        return self._enlarge.refine(Draft(frame, Matte(alpha)))

    def reset(self) -> None:
        """Nothing is kept between frames."""


def solve(image: Image, tri: Image, prior: Alpha) -> Alpha:
    """Alpha of the unknown pixels; the others keep ``prior``.

    Minimises ``a' L a + w |a - prior|²`` over the unknown pixels, the known ones held at 0 and 1 (Levin, eq. 13).

    Args:
        image: RGB, (h, w, 3) uint8.
        tri: (h, w), see ``trimap``.
        prior: (h, w) in [0, 1].

    Raises:
        DeviceError: The system was not solved.
    """
    from pymatting import cf_laplacian, cg, jacobi

    unknown = tri == UNKNOWN
    if not unknown.any():
        return prior
    subject = (tri == SUBJECT)[~unknown].astype(np.float64)
    where, known = np.flatnonzero(unknown), np.flatnonzero(~unknown)
    rows = cf_laplacian(image / 255, epsilon=_EPSILON, is_known=~unknown)[where]
    system = rows[:, where]
    begin: NDArray[np.float64] = prior[unknown].astype(np.float64)
    system.setdiag(system.diagonal() + _PRIOR)
    target = _PRIOR * begin - rows[:, known].dot(subject)
    try:
        found = cg(system, target, x0=begin, rtol=_TOLERANCE, maxiter=_ITERATIONS, M=jacobi(system))
    except ValueError as exc:
        raise DeviceError(f"closed-form matting found no alpha in {_ITERATIONS} steps: use --refine guided") from exc
    alpha = prior.copy()
    alpha[unknown] = np.clip(found, 0, 1)
    return alpha


def _require_library() -> None:
    if find_spec("pymatting") is None:
        raise UsageError("--refine matting needs the library pymatting: pip install pymatting, or take --refine guided")
