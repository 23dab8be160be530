"""Networks in four named parts, built without touching the caller's random numbers."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from core.models.build import KINDS, build_network, build_outline, initialise
from core.models.records import WIDTH_OPTIONS, ArchitectureConfig

TINY = ArchitectureConfig(kind="unet", encoder="resnet18", decoder_channels=(16, 8, 8, 8, 8))
SEGFORMER = ArchitectureConfig(kind="segformer", encoder="mit_b0")


@pytest.mark.parametrize("config", [TINY, SEGFORMER], ids=lambda config: config.kind)
def test_forward_chains_the_four_parts(config: ArchitectureConfig) -> None:
    net = build_network(config)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        parts = net.after(net.head(net.dropout(net.features(x))))
        assert torch.equal(net(x), parts)
    assert parts.shape == (2, 1, 64, 64)
    assert isinstance(net.head, nn.Conv2d)
    assert net.dropout.p == 0.2


def test_a_network_says_what_plain_smp_says_with_the_same_weights() -> None:
    net = build_network(TINY)
    initialise(net, torch.Generator().manual_seed(3))
    plain = KINDS["unet"](
        encoder_name="resnet18", encoder_weights=None, decoder_channels=(16, 8, 8, 8, 8), classes=1
    ).eval()
    names = {name.replace("segmentation_head.0.", "head."): name for name in plain.state_dict()}
    plain.load_state_dict({names[name]: tensor for name, tensor in net.state_dict().items()})
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(net(x), plain(x))


@pytest.mark.parametrize("config", [TINY, SEGFORMER], ids=lambda config: config.kind)
def test_building_leaves_the_global_generator_alone(config: ArchitectureConfig) -> None:
    before = torch.get_rng_state()
    initialise(build_network(config), torch.Generator().manual_seed(0))
    build_outline(config)
    assert torch.equal(torch.get_rng_state(), before)


def test_same_generator_same_parameters() -> None:
    first, second, third = (build_network(TINY) for _ in range(3))
    for net, seed in ((first, 5), (second, 5), (third, 6)):
        initialise(net, torch.Generator().manual_seed(seed))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.head.weight, third.head.weight)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_outline_has_the_names_and_shapes_of_the_network_and_no_memory(kind: str) -> None:
    config = ArchitectureConfig(kind=kind, encoder="resnet18", classes=2)
    outline = build_outline(config)
    assert {tensor.device.type for tensor in outline.state_dict().values()} == {"meta"}
    net = build_network(config)
    assert {n: t.shape for n, t in outline.state_dict().items()} == {
        n: t.shape for n, t in net.state_dict().items()
    }
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize("kind", sorted(WIDTH_OPTIONS))
def test_decoder_width_reaches_the_decoder(kind: str) -> None:
    narrow, wide = (
        build_outline(ArchitectureConfig(kind=kind, encoder="resnet18", decoder_width=width))
        for width in (32, 64)
    )
    assert narrow.head.weight.shape[1] < wide.head.weight.shape[1]


def test_dropout_draws_from_its_own_generator_in_training() -> None:
    net = build_network(TINY).train()
    x = torch.ones(1, 8, 4, 4)
    net.dropout.generator = torch.Generator().manual_seed(7)
    before = torch.get_rng_state()
    drawn = [net.dropout(x) for _ in range(2)]
    net.dropout.generator.manual_seed(7)
    assert torch.equal(net.dropout(x), drawn[0])
    assert torch.equal(torch.get_rng_state(), before)
    assert set(torch.cat(drawn).unique().tolist()) <= {0.0, 1.25}


def test_stochastic_depth_is_off() -> None:
    net = build_network(SEGFORMER).train()
    net.dropout.p = 0.0
    rates = [module.drop_prob for module in net.modules() if hasattr(module, "drop_prob")]
    assert rates
    assert not any(rates)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "transunet"},
        {"encoder": "../weights"},
        {"decoder_channels": (10**6,)},
        {"decoder_width": 64},
        {"kind": "segformer", "decoder_channels": (64, 32)},
        {"head_dropout": 1.0},
        {"classes": 0},
        {"weights": "imagenet"},
    ],
)
def test_an_impossible_architecture_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ArchitectureConfig.model_validate({"kind": "unet", "encoder": "resnet18", **wrong})
