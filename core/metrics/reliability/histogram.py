"""One small histogram per case or slice, from which every calibration number of a segmentation follows.

The event is "this pixel belongs to the class", its probability the class's own (positive-class event). A
histogram counts pixels by level of probability; sums over slices, patients or classes are sums of
histograms, so pooled numbers and bootstrap draws over patients never touch the pixels again.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import CALIBRATION_REGIONS, BoolArray, FixedPoint, Float64Array, LabelArray

UNIFORM_LEVELS = 300
"""Bins of equal width that can be told apart: any number of them that divides 300."""
BIN_CHOICES = tuple(n for n in range(2, 51) if UNIFORM_LEVELS % n == 0)
LOGIT_STEP = 0.2
"""Towards 0 and 1 levels are subdivided so that none is wider than this in logits."""
TAIL_LEVELS = 6
"""How many of the uniform levels at each end are subdivided; further in they are narrow enough."""
UNION_MARGIN_PX = 2
PAIRS = 32768
"""Probabilities are read to fifteen bits: codes 2j and 2j + 1 are one value, so never exactly 0 or 1."""
CHUNK = 1 << 22
BLOCK = 1 << 15
FEW = 1 << 14
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def _first_pairs() -> NDArray[np.int64]:
    # Exact in integers: code c lies in (k, k + 1] / 300 when 300 c > 65535 k. The lower code of a pair
    # decides, so a probability that is exactly an edge (0.2, 0.4) stays in the bin below it.
    codes = 2 * np.arange(PAIRS)
    uniform = np.maximum(0, -(-codes * UNIFORM_LEVELS // 65535) - 1)
    prob = (codes + 0.5) / 65535.0
    logit = np.floor(np.log(prob / (1.0 - prob)) / LOGIT_STEP)
    tail = (uniform < TAIL_LEVELS) | (uniform >= UNIFORM_LEVELS - TAIL_LEVELS)
    changes = (np.diff(uniform) != 0) | ((np.diff(logit) != 0) & tail[1:])
    return np.asarray(np.r_[0, np.flatnonzero(changes) + 1], np.int64)


FIRST_PAIR = _first_pairs()
"""(level,) the first pair of codes of each level."""
LEVELS = len(FIRST_PAIR)
LOWER = np.r_[0.0, (2 * FIRST_PAIR[1:] - 1) / 65535.0]
"""(level,) the probability above which a level begins; it ends where the next begins, the last at 1."""
PAIR_PROB = (2 * np.arange(PAIRS) + 0.5) / 65535.0
LEVEL_OF_PAIR = np.repeat(np.arange(LEVELS), np.diff(np.r_[FIRST_PAIR, PAIRS]))
MIDDLE = np.add.reduceat(PAIR_PROB, FIRST_PAIR) / np.diff(np.r_[FIRST_PAIR, PAIRS])
"""(level,) mean probability of a level's codes: what stands for a level that holds no pixel."""


def level_bins(bins: int) -> NDArray[np.int64]:
    """(level,) which of `bins` bins of equal width each level lies in, exactly.

    Raises ValueError when the levels cannot tell these bins apart.
    """
    if bins not in BIN_CHOICES:
        raise ValueError(f"{bins} bins; expected any of {', '.join(map(str, BIN_CHOICES))}")
    codes = 2 * FIRST_PAIR
    return np.maximum(0, -(-codes * bins // 65535) - 1)


def code_histogram(codes: NDArray[np.uint16], positive: BoolArray) -> Float64Array:
    """float64 (3, level): how many, sum of probability, and how many positives, at each level of probability.

    codes: uint16 of a FixedPoint with upper 1, any shape. positive: bool of the same shape, where the event
    took place. Counts are exact; a probability is read to within 7.7e-6 and lies inside (0, 1), so the
    log-likelihood is finite. Constant memory, 3 ns a pixel. Raises ValueError when the shapes differ.

    >>> code_histogram(np.array([0, 65535], np.uint16), np.array([False, True])).sum(axis=1)
    array([2., 1., 1.])
    """
    if codes.shape != positive.shape:
        raise ValueError(f"codes of shape {codes.shape} but labels of shape {positive.shape}")
    flat, event = codes.reshape(-1), positive.reshape(-1).view(np.uint8)
    counts = _few(flat, event) if flat.size < FEW else _many(flat, event)
    negatives, positives = counts
    every = negatives + positives
    return np.stack([np.add.reduceat(each, FIRST_PAIR) for each in (every, every * PAIR_PROB, positives)])


def unit_histogram(prob: FixedPoint, labels_pred: LabelArray, labels_ref: LabelArray) -> NDArray[np.float32]:
    """float32 (region, class, 3, level) of one case or slice: count, sum of probability, positives.

    prob: codes (class, slice, row, column), foreground classes. labels_pred, labels_ref: (slice, row,
    column), 0 = background, k = k-th class. The regions of class k, in the order of CALIBRATION_REGIONS:
    every pixel; predicted as k; predicted or drawn as k, grown by 2 pixels; the band of 4 pixels along the
    edge of the prediction of k. A region without pixels is all zeros: undefined, never "perfect". Counts are
    exact below 2^24 per level. Raises ValueError when the shapes differ.
    """
    if prob.codes.ndim != 4 or not prob.codes.shape[1:] == labels_pred.shape == labels_ref.shape:
        raise ValueError(
            f"probabilities {prob.codes.shape}, predicted labels {labels_pred.shape}, reference "
            f"{labels_ref.shape}; expected (class, slice, row, column) and twice (slice, row, column)"
        )
    out = np.zeros((len(CALIBRATION_REGIONS), len(prob.codes), 3, LEVELS), np.float32)
    for index, codes in enumerate(prob.codes):
        pred, ref = labels_pred == index + 1, labels_ref == index + 1
        out[0, index] = code_histogram(codes, ref)
        for region, inside in enumerate(_inner_regions(pred, ref), 1):
            out[region, index] = code_histogram(codes[inside], ref[inside])
    return out


def boundary_band(mask: BoolArray) -> BoolArray:
    """Inner and outer boundary pixels of (row, column), grown by one step: four pixels wide.

    The edge of the picture is no boundary. The same band as the confidence scores use.
    """
    edge = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, CROSS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.dilate(edge, CROSS)).view(np.bool_)


def _inner_regions(pred: BoolArray, ref: BoolArray) -> tuple[BoolArray, BoolArray, BoolArray]:
    union, band = np.zeros_like(pred), np.zeros_like(pred)
    for index in range(len(pred)):
        either = pred[index] | ref[index]
        if either.any():
            grown = cv2.dilate(either.view(np.uint8), CROSS, iterations=UNION_MARGIN_PX)
            union[index] = np.asarray(grown).view(np.bool_)
        if pred[index].any():
            band[index] = boundary_band(pred[index])
    return pred, union, band


def _few(codes: NDArray[np.uint16], event: NDArray[np.uint8]) -> Float64Array:
    joint = (codes & np.uint16(0xFFFE)) | event
    return np.bincount(joint, minlength=2 * PAIRS).reshape(PAIRS, 2).T.astype(np.float64)


def _many(codes: NDArray[np.uint16], event: NDArray[np.uint8]) -> Float64Array:
    # One pass: the lowest bit of the code gives way to the label, block by block in the nearest cache. A
    # histogram of 16-bit numbers with a bin each is what OpenCV counts fastest; its float32 counts are exact
    # because a chunk holds fewer than 2^24 pixels.
    joint = np.empty(min(CHUNK, codes.size), np.uint16)
    counts = np.zeros(2 * PAIRS, np.float64)
    for first in range(0, codes.size, CHUNK):
        size = min(CHUNK, codes.size - first)
        for start in range(0, size, BLOCK):
            block = joint[start : min(start + BLOCK, size)]
            source = slice(first + start, first + start + block.size)
            np.bitwise_and(codes[source], np.uint16(0xFFFE), out=block)
            np.bitwise_or(block, event[source], out=block)
        counts += np.ravel(cv2.calcHist([joint[None, :size]], [0], None, [2 * PAIRS], [0, 2 * PAIRS]))
    return counts.reshape(PAIRS, 2).T
