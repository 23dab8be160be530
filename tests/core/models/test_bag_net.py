"""The bag network: what its streams and its attention are, by hand; folded dropout equals single passes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from core.errors import ModelProblem
from core.inference.dropout import active_dropout
from core.models.mil import BagNet, StochasticDepth, build_bag_net, initialise_bag_net
from core.models.mil_pool import DistanceAttention, GatedAttention, attention_weights
from core.models.mil_records import BagArchitecture, bag_architecture, bags_of
from core.models.mil_weights import load_bag_net, set_temperature
from core.models.weights import save_weights

TINY = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8), "attention_width": 4}


def tiny(**parts: object) -> BagArchitecture:
    return BagArchitecture(backbone="resnet18", **{**TINY, **parts})  # type: ignore[arg-type]


def made(config: BagArchitecture, seed: int = 0) -> BagNet:
    net = build_bag_net(config)
    initialise_bag_net(net, torch.Generator().manual_seed(seed))
    # Untrained norms have unit statistics; give them others, so that they are seen to be used.
    net.norm.running_mean.copy_(torch.linspace(-1, 1, 8))
    return net


def slices(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(seed))


def test_attention_of_equal_logits_is_uniform_and_temperature_sharpens() -> None:
    logits = torch.tensor([0.0, 0.0, math.log(2.0)])
    assert attention_weights(logits, torch.tensor(1.0), None).tolist() == pytest.approx([0.25, 0.25, 0.5])
    # At half the temperature the odds are squared: 1, 1, 4.
    assert attention_weights(logits, torch.tensor(0.5), None).tolist() == pytest.approx([1 / 6, 1 / 6, 4 / 6])


def test_top_k_keeps_the_strongest_and_the_earlier_of_equals() -> None:
    logits = torch.tensor([1.0, 2.0, 1.0, 2.0])
    kept = attention_weights(logits, torch.tensor(1.0), 3)
    e = math.e
    assert kept.tolist() == pytest.approx([1 / (1 + 2 * e), e / (1 + 2 * e), 0.0, e / (1 + 2 * e)])
    assert torch.equal(attention_weights(logits, torch.tensor(1.0), 4), torch.softmax(logits, 0))


def test_distance_attention_is_the_scaled_inner_product_with_the_critical_query() -> None:
    attention = DistanceAttention(3, 4)
    features = torch.tensor([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]])
    queries = attention.queries(features)
    expected = [float((queries[each] @ queries[1]).detach()) / 2.0 for each in (0, 1)]
    assert attention(features, 1).tolist() == pytest.approx(expected)
    assert attention(features, torch.tensor([0, 1]))[1].tolist() == pytest.approx(expected)


def test_gated_attention_is_the_formula_and_ignores_the_critical_slice() -> None:
    attention = GatedAttention(2, 1)
    with torch.no_grad():
        attention.first.weight.fill_(1.0), attention.first.bias.zero_()
        attention.gate.weight.fill_(0.0), attention.gate.bias.zero_()
        attention.score.weight.fill_(3.0)
    found = attention(torch.tensor([[0.5, 0.5], [0.0, 0.0]]), 0)
    assert found.tolist() == pytest.approx([3.0 * math.tanh(1.0) * 0.5, 0.0])
    assert torch.equal(attention(torch.rand(3, 2), torch.tensor([0, 2])).std(0), torch.zeros(3))


def test_the_logit_is_the_mean_of_the_highest_score_and_of_the_weighted_features() -> None:
    net = made(tiny())
    features = net.features(slices(4)).detach()
    output = net.heads(features)
    scores = net.instance_head(features)[:, 0]
    pooled = float(net.bag_head((output.attention @ features)[None]).detach())
    assert torch.equal(output.instance, scores)
    assert torch.equal(output.critical[0], scores.max())
    assert float(output.pooled) == pytest.approx(pooled, abs=1e-6)
    assert float(output.logit) == pytest.approx((float(scores.max()) + pooled) / 2, abs=1e-6)
    assert float(output.attention.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize("attention", ["distance", "gated"])
def test_bags_side_by_side_are_the_bags_alone(attention: str) -> None:
    net = made(tiny(attention=attention, top_k=2))
    x = slices(7)
    together = net(x, [3, 4])
    first, second = net(x[:3]), net(x[3:])
    torch.testing.assert_close(together.logit, torch.cat([first.logit, second.logit]))
    torch.testing.assert_close(together.attention, torch.cat([first.attention, second.attention]))
    assert (second.attention > 0).sum() == 2


def test_order_of_the_slices_moves_the_attention_along() -> None:
    net = made(tiny())
    x, order = slices(5), torch.tensor([3, 0, 4, 1, 2])
    there, back = net(x), net(x[order])
    torch.testing.assert_close(back.logit, there.logit)
    torch.testing.assert_close(back.attention, there.attention[order])


@pytest.mark.parametrize("attention", ["distance", "gated"])
def test_folded_samples_equal_single_passes_with_the_same_masks(attention: str) -> None:
    net = made(tiny(attention=attention))
    features = net.features(slices(5)).detach()
    generator = torch.Generator().manual_seed(3)
    masks = [torch.bernoulli(torch.full((6, 8), 0.5), generator=generator) * 2 for _ in range(2)]
    folded = net.folded(features, *masks)
    for draw in range(6):
        scores = net.instance_head(features * masks[0][draw])[:, 0]
        weights = attention_weights(net.attention(features, scores.argmax()), net.temperature, None)
        pooled = net.bag_head((weights @ features * masks[1][draw])[None])[0, 0]
        torch.testing.assert_close(folded.instance[draw], scores)
        torch.testing.assert_close(folded.attention[draw], weights)
        torch.testing.assert_close(folded.logit[draw, 0], (scores.max() + pooled) / 2)
    unit = torch.ones(1, 8)
    torch.testing.assert_close(net.folded(features, unit, unit).logit[0], net.heads(features).logit)


def test_dropout_is_found_drops_whole_features_alike_in_a_bag_and_is_off_in_evaluation() -> None:
    net = made(tiny(head_dropout=0.5))
    (layer,) = active_dropout(net)
    assert (layer.name, layer.p, layer.kind) == ("dropout", 0.5, "channel")
    ones = torch.ones(4, 64)
    assert torch.equal(net.dropout(ones), ones)
    net.dropout.train()
    net.dropout.generator = torch.Generator().manual_seed(0)
    dropped = net.dropout(ones)
    assert torch.equal(dropped, dropped[:1].expand(4, -1))
    assert set(dropped[0].tolist()) == {0.0, 2.0}
    net.dropout.generator = torch.Generator().manual_seed(0)
    assert torch.equal(net.dropout(ones), dropped)


def test_stochastic_depth_skips_slices_while_training_only_from_its_own_generator() -> None:
    net = made(tiny(stochastic_depth=0.4))
    layers = [each for each in net.modules() if isinstance(each, StochasticDepth)]
    assert max(each.p for each in layers) == pytest.approx(0.4)
    assert not [each for each in net.modules() if type(each).__name__ == "DropPath"]
    layer = max(layers, key=lambda each: each.p)
    x = torch.ones(200, 2, 1, 1)
    assert torch.equal(layer(x), x)
    layer.train()
    before = torch.random.get_rng_state()
    changed = layer(x)[:, :, 0, 0]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert {round(float(each), 4) for each in changed[:, 0]} == {0.0, round(1 / 0.6, 4)}


def test_building_and_initialising_leaves_the_global_generator_alone_and_follows_the_seed() -> None:
    before = torch.random.get_rng_state()
    one, two, other = made(tiny()), made(tiny()), made(tiny(), seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    x = slices(3)
    assert torch.equal(one(x).logit, two(x).logit)
    assert not torch.equal(one(x).logit, other(x).logit)


def test_weights_come_back_with_their_temperature(tmp_path: Path) -> None:
    net = made(tiny())
    set_temperature(net, 0.25)
    path = tmp_path / "member_0.safetensors"
    save_weights(net, path)
    loaded = load_bag_net(path, tiny())
    assert float(loaded.temperature) == 0.25
    torch.testing.assert_close(loaded(slices(3)).logit, net(slices(3)).logit.detach(), atol=1e-2, rtol=0)
    assert not any(each.requires_grad for each in loaded.parameters())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "member_0.safetensors"
    save_weights(made(tiny()), path)
    with pytest.raises(ModelProblem, match="shape"):
        load_bag_net(path, tiny(dims=(8, 8, 8, 16)))
    with pytest.raises(ModelProblem, match="lacks"):
        load_bag_net(path, tiny(attention="gated"))


def test_an_encoder_that_timm_lacks_is_refused() -> None:
    with pytest.raises(ModelProblem, match="cannot be built"):
        build_bag_net(BagArchitecture(backbone="no-such-net"))


def test_encoders_of_the_table_are_built_and_unknown_ones_named() -> None:
    light, large = (
        sum(each.numel() for each in build_bag_net(bag_architecture(key)).parameters())
        for key in ("light", "resnet18")
    )
    assert (1e6 < light < 1.5e6, 11e6 < large < 12e6) == (True, True)
    assert build_bag_net(bag_architecture("resnet34", in_channels=4))(
        torch.rand(2, 4, 32, 32)
    ).logit.shape == (1,)
    with pytest.raises(KeyError, match="known: light, resnet18, resnet34"):
        bag_architecture("vgg")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        BagArchitecture(backbone="resnet18", classes=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "size"), [(1, 12), (12, 12), (13, 12), (24, 12), (25, 12), (88, 12), (7, 3)]
)
def test_evaluation_bags_hold_every_slice_and_are_of_one_size(count: int, size: int) -> None:
    bags = bags_of(count, size)
    assert {each for bag in bags for each in bag} == set(range(count))
    assert {len(bag) for bag in bags} == {min(size, count)}
    assert len(bags) == -(-count // size)
    assert list(bags) == sorted(bags, key=lambda bag: bag.start)
