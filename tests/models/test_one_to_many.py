from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from plain_decoder import PlainDecoder
from torch import Tensor, nn

from unrolled.models import OneToMany
from unrolled.models.one_to_many import changed
from unrolled.models.writing import Writer
from unrolled.runtime.encoder_decoder import ATTENTIONS, Decoder
from unrolled.runtime.layers import Dense, Recurrent
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import (
    Augmentation,
    Convolution,
    Label,
    Maps,
    Picture,
    Reader,
    Vector,
)
from unrolled.runtime.spec import views

N, T, K, E, H, A = 4, 5, 9, 4, 5, 3
LENGTHS = [6, 2, 4, 1]
LAYERS = (Convolution(4, 3, stride=2), Convolution(6, 5, pooling=2, groups=2), Convolution(3, 1))
READERS: dict[str, Reader] = {
    "vector": Vector(7),
    "label": Label(6, 7),
    "picture": Picture(11, 9, 2, LAYERS),
    "maps": Maps(7),
}
HIDDEN = (Dense(8), Dense(6, "tanh"))


def spec(
    kind: str, cell: str = "gru", attention: str = "additive", *, deep: bool = True, **more: Any
) -> OneToManySpec:
    writes = Decoder(
        K,
        E,
        Recurrent(cell, H, num_layers=2),
        attention=attention,
        attention_size=A,
        combined_size=E,
        **more,
    )
    return OneToManySpec(READERS[kind], writes, HIDDEN if deep else ())


def model(described: OneToManySpec) -> OneToMany:
    return OneToMany(described, 2 * described.initial_values(1)).eval()


def problem(kind: str) -> tuple[Tensor, Tensor | None, Tensor]:
    """What is read, lengths of maps, and the symbols [T, N] that the decoder reads."""
    generator = torch.Generator().manual_seed(0)
    symbols = torch.randint(K, (T, N), generator=generator)
    if kind == "label":
        return torch.randint(6, (N,), generator=generator), None, symbols
    shape = {"vector": (N, 7), "picture": (N, 11, 9, 2), "maps": (max(LENGTHS), N, 7)}[kind]
    x = torch.randn(shape, generator=generator)
    return x, torch.tensor(LENGTHS) if kind == "maps" else None, symbols


COMBINATIONS = list(
    product(READERS, ["rnn", "gru", "lstm"], ATTENTIONS, [False, True], [False, True])
)


def test_names_shapes_and_order_are_those_of_the_spec_whatever_it_is() -> None:
    for kind, cell, attention, tied, deep in COMBINATIONS[::5]:
        described = spec(kind, cell, attention, tied=tied, deep=deep)
        found = {
            name: tuple(value.shape) for name, value in OneToMany(described).named_parameters()
        }
        assert list(found.items()) == list(described.parameter_shapes().items())


def test_parameters_are_the_array() -> None:
    described = spec("picture", tied=True)
    flat = described.initial_values(1)
    module = OneToMany(described, flat)
    for name, value in module.named_parameters():
        np.testing.assert_array_equal(value.detach().numpy(), views(described, flat)[name])
    assert module.decoder.head.weight is module.decoder.embedding.weight
    before = module(*problem("picture"))[0].detach()
    flat *= 1.5
    assert not torch.allclose(module(*problem("picture"))[0], before)


class Twin(PlainDecoder):
    """The same model in plain torch and float64, a row at a time."""

    def __init__(self, ours: OneToMany) -> None:
        super().__init__(ours, ours.spec.decoder, ours.spec.aliases())
        self.spec = ours.spec

    def forward(self, x: Tensor, lengths: Tensor | None, symbols: Tensor) -> Tensor:
        rows = []
        for n in range(N):
            if lengths is not None:
                one = x[: int(lengths[n]), n].double()
            else:
                one = x[n] if x.dtype == torch.int64 else x[n].double()
            q, memory = self._read(one)
            rows.append(self.write(q, memory, symbols[:, n]))
        return torch.stack(rows, dim=1)

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        P, reads = self.named, self.spec.reads
        places = x
        if isinstance(reads, Label):
            q = P["encoder.embedding.weight"][x]
        elif isinstance(reads, Vector):
            q = x
        else:
            if isinstance(reads, Picture):
                picture = x.movedim(2, 0)
                for i, layer in enumerate(reads.layers):
                    picture = self._convolved(picture, i, layer)
                places = picture.movedim(0, 2).reshape(-1, len(picture))
            q = places.mean(dim=0)
        for i, dense in enumerate(self.spec.hidden):
            q = P[f"encoder.hidden.{i}.weight"] @ q + P[f"encoder.hidden.{i}.bias"]
            q = torch.tanh(q) if dense.activation == "tanh" else q.clamp(min=0)
        return q, places if self.spec.has_places else q[None]

    def _convolved(self, x: Tensor, i: int, layer: Convolution) -> Tensor:
        """A picture [C, H, W], a place at a time."""
        P, at = self.named, f"encoder.layers.{i}"
        W, b = P[f"{at}.convolution.weight"], P[f"{at}.convolution.bias"]
        k, s, p = layer.kernel, layer.stride, layer.pooling
        x = nn.functional.pad(x, [k // 2] * 4)
        rows, columns = ((side - k) // s + 1 for side in x.shape[1:])
        found = torch.stack(
            [
                torch.stack(
                    [
                        (W * x[:, s * r : s * r + k, s * c : s * c + k]).sum(dim=(1, 2, 3)) + b
                        for c in range(columns)
                    ],
                    dim=1,
                )
                for r in range(rows)
            ],
            dim=1,
        )
        if layer.groups:
            parts = found.reshape(layer.groups, -1)
            centred = parts - parts.mean(dim=1, keepdim=True)
            scale = (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
            found = (centred / scale).view_as(found)
            weight, bias = P[f"{at}.norm.weight"], P[f"{at}.norm.bias"]
            found = found * weight[:, None, None] + bias[:, None, None]
        found = found.clamp(min=0)
        squares = found[:, : rows // p * p, : columns // p * p]
        squares = squares.unflatten(2, (-1, p)).unflatten(1, (-1, p))
        return squares.amax(dim=(2, 4))


TWINS = [
    ("vector", spec("vector", "gru", "none")),
    ("vector", spec("vector", "lstm", "additive", input_feeding=True, deep=False)),
    ("label", spec("label", "rnn", "none", deep=False, tied=True)),
    ("label", spec("label", "lstm", "multiplicative")),
    ("picture", spec("picture", "gru", "additive")),
    ("picture", spec("picture", "lstm", "multiplicative", deep=False, input_feeding=True)),
    ("picture", spec("picture", "gru", "none", tied=True)),
    ("maps", spec("maps", "lstm", "additive", tied=True)),
    ("maps", spec("maps", "gru", "multiplicative", deep=False)),
]


@pytest.mark.parametrize(("kind", "described"), TWINS)
def test_scores_and_gradients_are_those_of_a_twin_in_plain_torch(
    kind: str, described: OneToManySpec
) -> None:
    ours = model(described)
    twin = Twin(ours)
    scores, _ = ours(*problem(kind))
    theirs = twin(*problem(kind))
    torch.testing.assert_close(scores.double(), theirs, rtol=1e-5, atol=1e-5)
    towards = torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))
    (scores * towards).sum().backward()
    (theirs * towards).sum().backward()
    alone = not described.has_places  # attention to a single place has nothing to choose from
    for name, value in ours.named_parameters():
        expected = twin.gradient(name)
        assert expected is not None, name
        assert value.grad is not None, name
        assert value.grad.any() or (alone and "attention" in name), name
        torch.testing.assert_close(value.grad.double(), expected, rtol=1e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize(("kind", "described"), TWINS)
def test_a_row_alone_is_the_row_among_others(kind: str, described: OneToManySpec) -> None:
    module = model(described)
    x, lengths, symbols = problem(kind)
    whole, asked = module(x, lengths, symbols)
    for n, length in enumerate(LENGTHS):
        one = x[:length, n : n + 1] if kind == "maps" else x[n : n + 1]
        scores, weights = module(one, None, symbols[:, n : n + 1])
        torch.testing.assert_close(whole[:, n], scores[:, 0], rtol=1e-5, atol=1e-5)
        if asked is not None:
            places = weights.shape[2]
            assert not asked[:, n, places:].any()
            torch.testing.assert_close(asked[:, n, :places], weights[:, 0], rtol=1e-5, atol=1e-6)


def test_padded_places_change_no_bit() -> None:
    x, lengths, symbols = problem("maps")
    assert lengths is not None
    found = []
    for filling in (0.0, 7.0, torch.inf):
        module = model(spec("maps"))
        steps = torch.arange(len(x))[:, None]
        filled = torch.where((steps < lengths)[:, :, None], x, filling)
        scores, weights = module(filled, lengths, symbols)
        scores.square().sum().backward()
        found.append([scores, weights, *(p.grad for p in module.parameters())])
    for others in found[1:]:
        for ours, theirs in zip(found[0], others, strict=True):
            assert torch.equal(ours, theirs)


def test_places_of_a_picture_are_row_by_row() -> None:
    described = spec("picture")
    assert isinstance(described.reads, Picture)
    assert described.reads.grid == (3, 2)
    x, _, symbols = problem("picture")
    _, asked = model(described)(x, None, symbols)
    assert asked.shape == (T, N, 6)
    # With layers of one pixel that keep every place, place 9 r + c is the pixel itself.
    plain = replace(described, reads=Picture(11, 9, 2, (Convolution(2, 1),)))
    module = model(plain)
    with torch.no_grad():
        module.encoder.layers[0].convolution.weight[...] = torch.eye(2)[:, :, None, None]
        module.encoder.layers[0].convolution.bias[...] = 0
        memory, _ = module.encoder(x)
    torch.testing.assert_close(memory[9 * 4 + 7], x[:, 4, 7].clamp(min=0))


@pytest.mark.parametrize("kind", READERS)
def test_a_writer_s_steps_are_the_model_s(kind: str) -> None:
    module = model(spec(kind))
    x, lengths, symbols = problem(kind)
    with torch.no_grad():
        expected = module(x, lengths, symbols)[0].log_softmax(dim=2).numpy()
    writer, ends = Writer(module), None if lengths is None else lengths.numpy()
    state = writer.read(x.numpy(), ends)
    assert torch.equal(state.source, torch.arange(N))
    for t, tokens in enumerate(symbols.numpy()):
        log_p, state = writer.step(tokens, state)
        np.testing.assert_allclose(log_p, expected[t], rtol=1e-4, atol=1e-5)
    found = writer.attention(x.numpy(), ends, symbols.numpy())
    np.testing.assert_allclose(found.sum(axis=2), 1.0, rtol=1e-5)


def test_dropout_of_what_is_read_is_in_training_alone() -> None:
    for kind in READERS:
        module = model(replace(spec(kind), memory_dropout=0.5))
        quiet = model(spec(kind))
        assert torch.equal(module(*problem(kind))[0], quiet(*problem(kind))[0])
        module.train()
        torch.manual_seed(0)
        first, second = (module(*problem(kind))[0] for _ in range(2))
        assert not torch.equal(first, second)


def marked(H: int = 12, W: int = 16) -> Tensor:
    """A picture [1, 1, H, W] whose centre of light is told below."""
    x = torch.zeros(1, 1, H, W)
    x[0, 0, 3:5, 9:13] = 1.0
    return x


def centre(x: Tensor) -> tuple[float, float]:
    light = x[0, 0] / x[0, 0].sum()
    rows, columns = (torch.arange(n) + 0.5 for n in light.shape)
    return float((light.sum(dim=1) * rows).sum()), float((light.sum(dim=0) * columns).sum())


def test_changes_of_pictures_stay_within_what_was_asked() -> None:
    x = marked()
    torch.manual_seed(0)
    places = np.array([centre(changed(x, Augmentation(shift=0.125))) for _ in range(60)])
    moved = places - centre(x)
    assert np.abs(moved[:, 0]).max() <= 12 / 8 + 1e-4
    assert np.abs(moved[:, 1]).max() <= 16 / 8 + 1e-4
    assert moved.min(axis=0).max() < -0.5 < 0.5 < moved.max(axis=0).min()
    mirrored = {round(centre(changed(x, Augmentation(flip=True)))[1] - 8, 3) for _ in range(20)}
    assert mirrored == {3.0, -3.0}
    # Turned about the middle, in pixels: the way from it stays as long as it was.
    turned = np.array([centre(changed(x, Augmentation(turn=30))) for _ in range(60)])
    from_middle = turned - (6, 8)
    np.testing.assert_allclose(np.hypot(*from_middle.T), np.hypot(-2, 3), atol=0.1)
    angles = np.degrees(np.arctan2(*from_middle.T) - np.arctan2(-2, 3))
    assert -30.5 < angles.min() < -10 < 10 < angles.max() < 30.5
    zoomed = [changed(x, Augmentation(zoom=0.5)).sum().item() / 8 for _ in range(60)]
    assert 1 / 1.5**2 - 0.1 < min(zoomed) < 0.7 < 1.5 < max(zoomed) < 1 / 0.5**2 + 0.1


def test_pictures_are_changed_in_training_alone() -> None:
    described = spec("picture")
    assert isinstance(described.reads, Picture)
    described = replace(described, reads=replace(described.reads, augmentation=Augmentation(0.2)))
    assert described.draws
    module, quiet = model(described), model(spec("picture"))
    assert torch.equal(module(*problem("picture"))[0], quiet(*problem("picture"))[0])
    module.train()
    torch.manual_seed(0)
    first, second = (module(*problem("picture"))[0] for _ in range(2))
    assert not torch.equal(first, second)
