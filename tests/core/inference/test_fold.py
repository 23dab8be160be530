"""Folded and staged dropout against whole passes with the same masks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from core.errors import ModelProblem
from core.inference.dropout import active_dropout, require_dropout
from core.inference.seeds import draw_mask
from core.inference.split import stage
from core.inference.staged import Masks, Staged
from tests.core.inference.conftest import TINY, tiny_net

SAMPLES = 3
PICTURE = torch.from_numpy(np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32))


class Multiply(nn.Module):
    """A dropout module's stand-in that multiplies with a given mask."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, features: Tensor) -> Tensor:
        """The masked features."""
        return features * self.mask


class Small(nn.Module):
    """Two convolutions and a head with dropout wherever a test wants it."""

    def __init__(self, before: nn.Module, between: nn.Module, last: nn.Module, groups: int = 1) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.before = before
        self.second = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=groups)
        self.between = between
        self.head = nn.Conv2d(8, 2, 1)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Logits; the first features are used twice, as a skip connection does."""
        skip = self.first(x)
        deep = torch.relu(self.second(self.before(skip)))
        return self.last(self.head(self.between(deep + skip)))  # type: ignore[no-any-return]


def small(before: nn.Module, between: nn.Module, last: nn.Module | None = None, groups: int = 1) -> nn.Module:
    with torch.random.fork_rng():
        return Small(before, between, last or nn.Identity(), groups).eval()


def masks_of(staged: Staged, sample: int) -> Masks:
    return tuple(
        torch.from_numpy(draw_mask(site.shape, site.p, 100 * sample + place))
        for place, site in enumerate(staged.sites)
    )


def folded(staged: Staged, picture: Tensor) -> list[Tensor]:
    with torch.inference_mode():
        found = staged.prefix(picture)
        kept = found if isinstance(found, tuple) else (found,)
        masks = [masks_of(staged, sample) for sample in range(SAMPLES)]
        shared = staged.share(kept, masks)
        return [staged.draw(kept, shared, masks, place) for place in range(SAMPLES)]


def naive(net: nn.Module, staged: Staged, picture: Tensor, sample: int) -> Tensor:
    private = copy.deepcopy(net).eval()
    for site, mask in zip(staged.sites, masks_of(staged, sample), strict=True):
        parent, _, child = site.name.rpartition(".")
        setattr(private.get_submodule(parent), child, Multiply(mask))
    with torch.inference_mode():
        return private(picture)  # type: ignore[no-any-return]


def fpn() -> nn.Module:
    with torch.random.fork_rng():
        return smp.FPN("resnet18", encoder_weights=None).eval()  # type: ignore[no-any-return]


NETS = {
    "head dropout": lambda: tiny_net(0),
    "no dropout at all": lambda: tiny_net(0, TINY.model_copy(update={"head_dropout": 0.0})),
    "channel dropout before a convolution": lambda: small(nn.Dropout2d(0.4), nn.Identity()),
    "channel dropout before a grouped convolution": lambda: small(nn.Dropout2d(0.4), nn.Identity(), groups=2),
    "two channel dropouts in a row": lambda: small(
        nn.Sequential(nn.Dropout2d(0.4), nn.Dropout2d(0.2)), nn.Identity()
    ),
    "dropout of elements before the head": lambda: small(nn.Identity(), nn.Dropout(0.4)),
    "early and late dropout": lambda: small(nn.Dropout2d(0.4), nn.Dropout2d(0.3)),
    "dropout of logits": lambda: small(nn.Identity(), nn.Identity(), nn.Dropout(0.4)),
    "dropout in place": lambda: small(nn.Dropout2d(0.4, inplace=True), nn.Identity()),
}


@pytest.mark.parametrize("name", NETS)
def test_samples_equal_whole_passes_with_the_same_masks(name: str) -> None:
    net = NETS[name]()
    staged = stage(net, PICTURE)
    for sample, found in enumerate(folded(staged, PICTURE)):
        torch.testing.assert_close(found, naive(net, staged, PICTURE, sample), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NETS)
def test_dropout_off_is_the_network_itself(name: str) -> None:
    net = NETS[name]()
    staged = stage(net, PICTURE)
    with torch.inference_mode():
        found = staged.prefix(PICTURE)
        kept = found if isinstance(found, tuple) else (found,)
        masks = [staged.unit_masks(PICTURE)]
        logits = staged.draw(kept, staged.share(kept, masks), masks, 0)
        torch.testing.assert_close(logits, net(PICTURE), atol=1e-6, rtol=0)


def test_channel_dropout_before_a_convolution_is_folded() -> None:
    staged = stage(small(nn.Dropout2d(0.4), nn.Identity()), PICTURE)
    assert [conv.sites for conv in staged.convs] == [(0,)]
    assert staged.tail_sites == ()


def test_element_dropout_is_not_folded_but_only_what_follows_is_repeated() -> None:
    staged = stage(small(nn.Identity(), nn.Dropout(0.4)), PICTURE)
    assert (staged.convs, staged.tail_sites) == ((), (0,))
    # The tail holds the head alone: 8 * 2 weights and 2 biases.
    assert sum(each.numel() for each in staged.tail.parameters()) == 18


@pytest.mark.slow
def test_fpn_of_the_library_folds_its_dropout_into_the_head() -> None:
    net = fpn()
    staged = stage(net, PICTURE)
    assert [(site.name, site.p) for site in staged.sites] == [("decoder.dropout", 0.2)]
    assert [conv.sites for conv in staged.convs] == [(0,)]
    for sample, found in enumerate(folded(staged, PICTURE)):
        torch.testing.assert_close(found, naive(net, staged, PICTURE, sample), atol=1e-5, rtol=0)


def test_staging_leaves_the_network_as_it_was() -> None:
    net = small(nn.Dropout2d(0.4), nn.Dropout(0.2))
    before = {name: each.clone() for name, each in net.state_dict().items()}
    folded(stage(net, PICTURE), PICTURE)
    assert not any(module.training for module in net.modules())
    assert isinstance(net.before, nn.Dropout2d)
    for name, each in net.state_dict().items():
        torch.testing.assert_close(each, before[name], atol=0, rtol=0)


def test_layers_with_probability_zero_are_not_active() -> None:
    assert active_dropout(small(nn.Dropout2d(0.0), nn.Dropout(0.0))) == ()
    with pytest.raises(ModelProblem, match="0 active dropout modules"):
        require_dropout((), "tiny")


def test_other_kinds_of_dropout_are_refused_by_name() -> None:
    layers = active_dropout(small(nn.Identity(), nn.AlphaDropout(0.3)))
    with pytest.raises(ModelProblem, match="between"):
        require_dropout(layers, "tiny")
