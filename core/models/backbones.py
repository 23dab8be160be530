"""Classifiers that start from weights of the Hugging Face Hub, where there is a network or a cached copy."""

from __future__ import annotations

import timm
import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from core.errors import ModelProblem
from core.models.build_classifier import ClassifierNet, build_classifier, initialise_classifier
from core.models.hub_access import HUB, hub_reachable
from core.models.records import ClassifierArchitecture

FILES = ("model.safetensors", "pytorch_model.bin")


def hub_classifier(config: ClassifierArchitecture, seed: int) -> ClassifierNet:
    """A classifier whose encoder holds the Hub's weights for its backbone and whose head comes from the seed.

    Raises ModelProblem, within seconds, when timm knows no weights for the backbone or they can be reached
    neither on disk nor over the network.
    """
    repository = _repository(config.backbone)
    if not _cached(repository) and not hub_reachable():
        raise _out_of_reach(config.backbone, repository)
    net = _blank(config, seed)
    try:
        loaded = timm.create_model(
            config.backbone,
            pretrained=True,
            in_chans=config.in_channels,
            num_classes=0,
            global_pool="",
            **config.options,
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, RuntimeError) as error:
        raise _out_of_reach(config.backbone, repository) from error
    net.encoder.load_state_dict(loaded.state_dict())
    return net


def _blank(config: ClassifierArchitecture, seed: int) -> ClassifierNet:
    net = build_classifier(config)
    initialise_classifier(net, torch.Generator().manual_seed(seed))
    return net


def _repository(backbone: str) -> str:
    weights = timm.get_pretrained_cfg(backbone) if timm.is_model(backbone) else None
    if weights is None or not weights.hf_hub_id:
        raise ModelProblem(
            "There are no weights on the Hub for this backbone",
            found=backbone,
            expected="a backbone of timm with weights, such as vit_small_patch14_dinov2.lvd142m or resnet18",
            fix="choose another backbone, or train from scratch (hub_weights false)",
        )
    return str(weights.hf_hub_id)


def _cached(repository: str) -> bool:
    return any(isinstance(try_to_load_from_cache(repository, file), str) for file in FILES)


def _out_of_reach(backbone: str, repository: str) -> ModelProblem:
    return ModelProblem(
        "The backbone's weights cannot be reached",
        found=f"no copy of {repository} on disk, and no connection to {HUB[0]}",
        expected=f"the weights of {backbone}",
        fix="connect to the network once, or train from scratch (hub_weights false in the configuration)",
    )
