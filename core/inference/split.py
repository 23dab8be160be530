"""How a network is cut in two at its dropout: by its own structure, or through a trace of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

from core.inference.dropout import DropoutLayer, active_dropout, marked_copy
from core.inference.staged import FoldedConv, Site, Staged
from core.models.build import SegmentationNet
from core.models.build_classifier import ClassifierNet

WholeNet = SegmentationNet | ClassifierNet

SITE = torch.ops.second_look.dropout_site.default
CONV = torch.ops.aten.conv2d.default


class Features(nn.Module):
    """Everything of a network before its head dropout."""

    def __init__(self, net: WholeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Feature maps of the last stage, and the averages that describe the picture."""
        return self.net.described(x)


def stage(net: nn.Module, example: Tensor) -> Staged:
    """The network cut at its dropout; the network itself is not changed.

    A network of this project whose only active dropout is the one before its head is cut by structure. Any
    other is traced with `example`, one picture (1, channel, row, column), and whatever depends on no dropout
    becomes the first part.
    """
    layers = tuple(each for each in active_dropout(net) if each.kind != "other")
    if isinstance(net, WholeNet) and _simple_head(net, layers):
        return _stage_head(net, layers)
    return _stage_traced(net, layers, example)


def _simple_head(net: WholeNet, layers: tuple[DropoutLayer, ...]) -> bool:
    plain = net.head.groups == 1 and net.head.padding_mode == "zeros"
    return plain and all(each.name == "dropout" and each.kind == "channel" for each in layers)


def _stage_head(net: WholeNet, layers: tuple[DropoutLayer, ...]) -> Staged:
    head = net.head
    shape = (1, head.in_channels, 1, 1)
    sites = tuple(Site(each.name, each.p, each.kind, shape) for each in layers)
    conv = FoldedConv(
        source=0,
        sites=tuple(range(len(sites))),
        weight=head.weight,
        bias=head.bias,
        stride=head.stride,
        padding=head.padding,
        dilation=head.dilation,
    )
    return Staged(Features(net).eval(), (conv,), net.after, (), (), sites, any_batch=True, summary=1)


def _stage_traced(net: nn.Module, layers: tuple[DropoutLayer, ...], example: Tensor) -> Staged:
    program = torch.export.export(marked_copy(net, layers), (example,), strict=False)
    # Without in-place operations, so that running the second part again cannot change what was kept.
    module = program.run_decompositions({}).module()
    return _Cutter(module, layers).cut()


class _Cutter:
    """One traced graph on its way into two: which nodes depend on a dropout, which convolutions fold."""

    def __init__(self, module: fx.GraphModule, layers: tuple[DropoutLayer, ...]) -> None:
        self.module = module
        self.nodes = [each for each in module.graph.nodes if each.target != "_guards_fn"]
        self.repeated = self._after_dropout()
        self.marks = [each for each in self.nodes if each.target == SITE]
        self.sites = tuple(self._site(each, layers) for each in self.marks)
        self.chains = self._foldable()
        folded = {each for _, marks in self.chains.values() for each in marks}
        self.tail_marks = [each for each in self.marks if each not in folded]
        self.tail_nodes = [each for each in self.nodes if each in self.repeated and each not in folded]
        self.tail_kept, self.kept = self._kept()

    def cut(self) -> Staged:
        return Staged(
            prefix=self._prefix(),
            convs=tuple(self._conv(each) for each in self.chains),
            tail=self._tail(),
            tail_kept=tuple(self.kept.index(each) for each in self.tail_kept),
            tail_sites=tuple(self.marks.index(each) for each in self.tail_marks),
            sites=self.sites,
            any_batch=False,
        )

    def _after_dropout(self) -> set[fx.Node]:
        found: set[fx.Node] = set()
        for node in self.nodes:
            if node.op != "output" and (
                node.target == SITE or any(each in found for each in node.all_input_nodes)
            ):
                found.add(node)
        return found

    def _site(self, mark: fx.Node, layers: tuple[DropoutLayer, ...]) -> Site:
        layer = layers[int(mark.args[1])]  # type: ignore[arg-type]
        shape = tuple(int(each) for each in mark.meta["val"].shape)
        earlier = [each for each in self.marks[: self.marks.index(mark)] if each.args[1] == mark.args[1]]
        name = f"{layer.name}#{len(earlier)}" if earlier else layer.name
        channelwise = (1, shape[1], *(1,) * (len(shape) - 2))
        return Site(name, layer.p, layer.kind, channelwise if layer.kind == "channel" else shape)

    def _foldable(self) -> dict[fx.Node, tuple[fx.Node, tuple[fx.Node, ...]]]:
        """Per foldable convolution: the node that it reads and the chain of marks between."""
        chains = {}
        for node in self.nodes:
            marks: list[fx.Node] = []
            source = node.args[0] if node.target == CONV else None
            while isinstance(source, fx.Node) and source.target == SITE and self._folds(source):
                marks.append(source)
                source = source.args[0]
            whole = isinstance(source, fx.Node) and source not in self.repeated
            if marks and whole and _groups(node) == 1 and not self._moving_weights(node):
                chains[node] = (source, tuple(marks))
        return chains  # type: ignore[return-value]

    def _folds(self, mark: fx.Node) -> bool:
        return self.sites[self.marks.index(mark)].kind == "channel" and len(mark.users) == 1

    def _moving_weights(self, node: fx.Node) -> bool:
        weights = [each for each in node.all_input_nodes if each is not node.args[0]]
        return any(each.op != "get_attr" for each in weights)

    def _kept(self) -> tuple[list[fx.Node], list[fx.Node]]:
        """Nodes of the first part that the tail reads, and those with the folded convolutions' sources."""
        read: dict[fx.Node, None] = {}
        inputs = [
            each for node in self.tail_nodes if node not in self.chains for each in node.all_input_nodes
        ]
        for node in (*inputs, self._result()):
            if node not in self.repeated and node.op != "get_attr":
                read[node] = None
        sources = [source for source, _ in self.chains.values()]
        return list(read), list(dict.fromkeys([*read, *sources]))

    def _result(self) -> fx.Node:
        output: fx.Node = next(each for each in self.nodes if each.op == "output")
        return output.all_input_nodes[0]

    def _prefix(self) -> fx.GraphModule:
        graph = fx.Graph()
        copies: dict[fx.Node, fx.Node] = {}
        for node in self.nodes:
            if node.op != "output" and node not in self.repeated:
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(tuple(copies[each] for each in self.kept))
        graph.eliminate_dead_code()
        return fx.GraphModule(self.module, graph).eval()

    def _tail(self) -> fx.GraphModule:
        graph = fx.Graph()
        copies: dict[fx.Node, fx.Node] = {}
        for node in (*self.tail_kept, *self.chains):
            copies[node] = graph.placeholder(node.name)
        masks = {mark: graph.placeholder(f"mask_{k}") for k, mark in enumerate(self.tail_marks)}
        for node in self.nodes:
            if node.op == "get_attr":
                copies[node] = graph.node_copy(node)
            elif node in masks:
                copies[node] = graph.call_function(
                    torch.ops.aten.mul.Tensor, (copies[node.all_input_nodes[0]], masks[node])
                )
            elif node in self.tail_nodes and node not in self.chains:
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(copies[self._result()])
        graph.eliminate_dead_code()
        return fx.GraphModule(self.module, graph).eval()

    def _conv(self, node: fx.Node) -> FoldedConv:
        source, marks = self.chains[node]
        names = ("x", "weight", "bias", "stride", "padding", "dilation")
        values: dict[str, Any] = dict(zip(names, node.args, strict=False))
        return FoldedConv(
            source=self.kept.index(source),
            sites=tuple(self.marks.index(each) for each in marks),
            weight=self._attribute(values["weight"]),
            bias=None if values.get("bias") is None else self._attribute(values["bias"]),
            stride=tuple(values.get("stride", (1, 1))),
            padding=tuple(values.get("padding", (0, 0))),
            dilation=tuple(values.get("dilation", (1, 1))),
        )

    def _attribute(self, node: Any) -> Tensor:
        found: Tensor = self.module.get_parameter(str(node.target))
        return found


def _groups(node: fx.Node) -> int:
    return int(node.args[6]) if len(node.args) > 6 else int(node.kwargs.get("groups", 1))  # type: ignore[arg-type]
