"""One to many: a vector, a label, a picture or maps is read, then a sequence is written."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models.decoder import Bridge, RecurrentDecoder
from unrolled.models.dropout import dropped
from unrolled.models.reading import ReadsThenWrites
from unrolled.models.sharing import share
from unrolled.runtime.layers import Dense
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Augmentation, Convolution, Label, Maps, Picture


class OneEncoder(nn.Module):
    """What reads: to memory of places, and a summary of them; see `OneToManySpec`."""

    def __init__(self, spec: OneToManySpec) -> None:
        super().__init__()
        self._spec = spec
        reads, size = spec.reads, spec.reads.memory_size
        if isinstance(reads, Label):
            self.embedding = nn.Embedding(reads.num_labels, reads.embedding_size)
        if isinstance(reads, Picture):
            inner = (reads.channels, *(layer.channels for layer in reads.layers))
            pairs = zip(inner, reads.layers, strict=False)
            self.layers = nn.ModuleList(ConvolutionLayer(C, layer) for C, layer in pairs)
        self.hidden = nn.ModuleList()
        for layer in spec.hidden:
            self.hidden.append(nn.Linear(size, layer.size))
            size = layer.size

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read N samples.

        Args:
            x: [N, C] vectors, [N] int64 labels, [N, H, W, C] pictures, or maps [P, N, M].
            lengths: [N] valid places of maps; None when all rows have P.

        Returns:
            (memory [P, N, M], summary [N, Q]).
        """
        spec, reads = self._spec, self._spec.reads
        if isinstance(reads, Label):
            x = F.embedding(x, self.embedding.weight)
        if isinstance(reads, Picture):
            x = x.permute(0, 3, 1, 2)
            if self.training and reads.augmentation:
                x = changed(x, reads.augmentation)
            for layer in self.layers:
                x = layer(x)
            x = x.flatten(2).permute(2, 0, 1)
        x = dropped(x, spec.memory_dropout, self.training)
        summary = mean(x, lengths) if isinstance(reads, Picture | Maps) else x
        for dense, layer in zip(spec.hidden, self.hidden, strict=True):
            summary = _activated(layer(summary), dense)
            summary = dropped(summary, spec.memory_dropout, self.training)
        return (x if spec.has_places else summary[None]), summary


class ConvolutionLayer(nn.Module):
    """One layer over pictures [N, C, H, W], see `Convolution`."""

    def __init__(self, channels: int, layer: Convolution) -> None:
        super().__init__()
        self._pooling = layer.pooling
        self.convolution = nn.Conv2d(
            channels, layer.channels, layer.kernel, layer.stride, padding=layer.kernel // 2
        )
        self.norm = nn.GroupNorm(layer.groups, layer.channels) if layer.groups else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x)
        # The largest of positive parts is the positive part of the largest, of which there are
        # fewer.
        if self._pooling > 1:
            x = F.max_pool2d(x, self._pooling)
        return torch.relu(x)


class OneToMany(ReadsThenWrites):
    """An encoder of one thing, a bridge of states, and a decoder.

    Args:
        spec: the model as plain data.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.
    """

    def __init__(self, spec: OneToManySpec, flat: NDArray[np.float32] | None = None) -> None:
        super().__init__()
        self.spec = spec
        with torch.device("meta"):
            self.encoder = OneEncoder(spec)
            self.bridge = Bridge(spec.summary_size, spec.decoder)
            self.decoder = RecurrentDecoder(spec.decoder, spec.memory_size)
        share(self, spec, spec.initial_values(0) if flat is None else flat)


def mean(places: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean [N, M] over places [P, N, M], of which `lengths` [N] are valid."""
    if lengths is None:
        return places.mean(dim=0)
    padded = torch.arange(len(places), device=places.device)[:, None] >= lengths
    whole = places.masked_fill(padded[:, :, None], 0.0).sum(dim=0)
    return whole / lengths[:, None]


def changed(x: Tensor, by: Augmentation) -> Tensor:
    """Pictures [N, C, H, W] moved, zoomed, turned and mirrored, each at random."""
    N, _, H, W = x.shape
    shift, zoom, turn = (torch.empty(n, N).uniform_(-1.0, 1.0) for n in (2, 1, 1))
    mirrored = torch.where(torch.rand(N) < 0.5 * by.flip, -1.0, 1.0)
    scale = 1.0 + by.zoom * zoom[0]
    angle = math.radians(by.turn) * turn[0]
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # Where each pixel comes from, in units of half a side; squares stay squares.
    rows = torch.stack(
        [
            *(mirrored * cos, -mirrored * sin * (H / W), 2.0 * by.shift * shift[0]),
            *(sin * (W / H), cos, 2.0 * by.shift * shift[1]),
        ],
        dim=1,
    )
    grid = F.affine_grid(rows.view(N, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _activated(x: Tensor, layer: Dense) -> Tensor:
    return torch.tanh(x) if layer.activation == "tanh" else torch.relu(x)
