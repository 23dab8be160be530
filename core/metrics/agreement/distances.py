"""How far apart two surfaces lie: the 95th percentile Hausdorff distance."""

from __future__ import annotations

import math

import numpy as np

from core.metrics.agreement.masks import check_pair, joint_box_3d
from core.types import BoolArray, Float64Array

PERCENTILE = 95.0


def hd95(mask_pred: BoolArray, mask_ref: BoolArray, spacing: tuple[float, ...] | None = None) -> float:
    """Larger of the two directed 95th percentiles of the distances between the surfaces; >= 0.

    A surface is the mask minus its erosion by the nearest neighbours (4 in a slice, 6 in a volume); outside
    counts as background. Distances run from each surface voxel to the nearest one of the other mask, and
    percentiles interpolate linearly. Masks are bool, (row, column) or (slice, row, column); a volume of one
    slice is judged as a slice. spacing: distance of neighbouring voxels along each axis, in the unit of the
    result; None = 1 along every axis, so the result is in voxels.

    NaN when either mask is empty: there is no distance to nothing. Pooling both directions before taking the
    percentile, as some tools do, gives another number. Raises ValueError when the masks do not fit.
    Source: Huttenlocher et al. 1993, doi:10.1109/34.232073; Maier-Hein et al. 2024,
    doi:10.1038/s41592-023-02151-z (percentile, both directions).

    >>> hd95(np.eye(4, dtype=bool), np.eye(4, dtype=bool))
    0.0
    """
    forward, backward = surface_distances(mask_pred, mask_ref, spacing)
    if not forward.size:
        return math.nan
    return float(max(np.percentile(forward, PERCENTILE), np.percentile(backward, PERCENTILE)))


def surface_distances(
    mask_pred: BoolArray, mask_ref: BoolArray, spacing: tuple[float, ...] | None = None
) -> tuple[Float64Array, Float64Array]:
    """Distance of each predicted surface voxel to the reference surface, and the reverse.

    Both are empty when either mask is. Otherwise as `hd95`.
    """
    check_pair(mask_pred, mask_ref)
    steps = spacing or (1.0,) * mask_pred.ndim
    if len(steps) != mask_pred.ndim or not min(steps) > 0.0:
        raise ValueError(f"spacing {steps} of masks with {mask_pred.ndim} axes; expected one number > 0 each")
    box = joint_box_3d(mask_pred, mask_ref)
    if box is None or not mask_pred.any() or not mask_ref.any():
        return np.empty(0), np.empty(0)
    inside = box[-mask_pred.ndim :]
    pred, ref = mask_pred[inside], mask_ref[inside]
    if mask_pred.ndim == 3 and mask_pred.shape[0] == 1:
        pred, ref, steps = pred[0], ref[0], steps[1:]
    surface_pred, surface_ref = _surface(pred), _surface(ref)
    return _to(surface_ref, surface_pred, steps), _to(surface_pred, surface_ref, steps)


def _surface(mask: BoolArray) -> BoolArray:
    padded = np.pad(mask, 1)
    centre = (slice(1, -1),) * mask.ndim
    inner = mask.copy()
    for axis in range(mask.ndim):
        for side in (slice(None, -2), slice(2, None)):
            inner &= padded[(*centre[:axis], side, *centre[axis + 1 :])]
    surface: BoolArray = mask & ~inner
    return surface


def _to(target: BoolArray, source: BoolArray, steps: tuple[float, ...]) -> Float64Array:
    """Distance to the nearest voxel of `target` from every voxel of `source`."""
    from scipy.ndimage import distance_transform_edt

    distances: Float64Array = distance_transform_edt(~target, sampling=steps)[source]
    return distances
