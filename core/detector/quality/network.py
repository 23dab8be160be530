"""The quality network: a small convolutional network over two channels, a picture and a predicted mask.

It draws two coarse maps, where the mask is too large and where it is too small, and from a few sums over them
alone follow two logits: of IoU > 0.7, and of Dice. So the answer can be shown in place, and few patients are
enough: with deep features beside the sums the network knew its training patients by heart and did worse on
others. Image, mask and error map as in- and output of one network: Qiu et al.
2023 (QC-ResUNet, doi:10.1007/978-3-031-43901-8_16) in idea; nothing is taken from their code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 128
"""Side of picture and mask in pixels."""
CELLS = 32
"""Side of the error maps; a cell is 4 x 4 pixels."""
WIDTHS = (24, 48, 96, 96)
STEM, MAP, HIDDEN = 12, 24, 32
CENTRE, SPREAD = 0.35, 0.3
"""Typical value of scaled FLAIR tissue, and its spread."""
WORST = (1, 4, 16)
"""Numbers of cells whose mean share of errors is looked at."""
SUMS = 4 + 2 * len(WORST)
SMOOTH = 0.05
"""In cells: keeps the ratio of the maps' sums defined where nothing is drawn and nothing is missing."""


class QualityNet(nn.Module):
    """Logits (case, 2) and error logits (case, 2, CELLS, CELLS) of pictures and masks."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(2, STEM, 2), _convolution(STEM, widths[0], 2))
        before = (widths[0], *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(*([_convolution(before[k], width, 2)] if k else []), Block(width))
            for k, width in enumerate(widths)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, MAP, 1) for width in widths)
        self.smooth = _convolution(MAP, MAP, 1)
        self.error = nn.Conv2d(MAP, 2, 1)
        self.hidden = nn.Linear(SUMS, HIDDEN)
        self.answer = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: (case, 2, SIZE, SIZE), scaled FLAIR in [0, 1.5] and the mask as 0 or 1.

        The answer holds the logit of IoU > 0.7 and that of Dice; the map, for each cell, the logit of its
        share of wrongly drawn and of missing pixels.
        """
        picture = (x[:, :1] - CENTRE) / SPREAD
        found = self.stem(torch.cat([picture, x[:, 1:]], dim=1))
        stages: list[Tensor] = []
        for stage in self.stages:
            found = stage(found)
            stages.append(found)
        # Sums over a thousand cells need more digits than half precision has.
        error = self.error(self.smooth(self._from_the_top(stages))).float()
        drawn = functional.avg_pool2d(x[:, 1:], SIZE // CELLS)
        return self.answer(functional.relu(self.hidden(map_sums(error, drawn)))), error

    def _from_the_top(self, stages: list[Tensor]) -> Tensor:
        found: Tensor | None = None
        for stage, lateral in zip(reversed(stages), reversed(self.lateral), strict=True):
            here: Tensor = lateral(stage)
            found = here if found is None else here + functional.interpolate(found, scale_factor=2.0)
        assert found is not None
        return found


class Block(nn.Module):
    """Two convolutions around which the input passes unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, 1)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.relu(x + self.second(self.first(x)))


def map_sums(error: Tensor, drawn: Tensor) -> Tensor:
    """(case, SUMS): logarithms of the wrong, missing and drawn cells, the Dice that follows as a logit, and
    the means of the most suspicious cells of each map.

    error: logits (case, 2, CELLS, CELLS); drawn: (case, 1, CELLS, CELLS), the drawn share of each cell.
    """
    share = torch.minimum(torch.sigmoid(error), torch.cat([drawn, 1.0 - drawn], dim=1))
    wrong, missing = share.sum((2, 3)).unbind(1)
    area = drawn.sum((1, 2, 3))
    logit = torch.log(2.0 * (area - wrong) + SMOOTH) - torch.log(wrong + missing + SMOOTH)
    logs = [torch.log(each + SMOOTH) for each in (wrong, missing, area)]
    worst = [share.flatten(2).topk(count, dim=2).values.mean(2) for count in WORST]
    return torch.cat([torch.stack([*logs, logit], dim=1), *worst], dim=1)


def _convolution(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )
