"""The decoder of a model in plain torch and float64, a row and a step at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unrolled.models.reading import ReadsThenWrites
from unrolled.runtime.encoder_decoder import Decoder


class PlainDecoder(nn.Module):
    """Bridge and decoder of a model, and all its parameters outside stacks by their names.

    Attributes:
        named: float64 leaves by our names; those that are shared are one.
    """

    def __init__(self, ours: ReadsThenWrites, spec: Decoder, aliases: dict[str, str]) -> None:
        super().__init__()
        kinds: Any = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        d = spec.recurrent
        read = spec.embedding_size + spec.combined_size * spec.input_feeding
        self.decoder = kinds[d.cell](read, d.hidden_size, d.num_layers)
        self.decoder.load_state_dict(ours.decoder.recurrent.state_dict())
        self.double()
        self.writes, self.named = spec, {}
        for name, value in ours.state_dict().items():
            if ".recurrent." not in name:
                owner = aliases.get(name, name)
                self.named.setdefault(owner, value.detach().double().requires_grad_())
                self.named[name] = self.named[owner]

    def gradient(self, name: str) -> Tensor | None:
        """Of a parameter, by our name of it."""
        part, _, leaf = name.partition(".recurrent.")
        if leaf:
            return getattr(self, part).get_parameter(leaf).grad  # type: ignore[no-any-return]
        return self.named[name].grad

    def write(self, q: Tensor, memory: Tensor, symbols: Tensor) -> Tensor:
        """Scores [T, V] of a row, from its summary [Q], memory [S, M] and symbols [T]."""
        P, d = self.named, self.writes
        r = d.recurrent
        names = ("h", "c") if r.cell == "lstm" else ("h",)
        first = [
            torch.tanh(P[f"bridge.{n}.weight"] @ q + P[f"bridge.{n}.bias"]).view(
                r.num_layers, r.hidden_size
            )
            for n in names
        ]
        state = tuple(first) if len(first) == 2 else first[0]
        a = torch.zeros(d.combined_size, dtype=torch.float64)
        found = []
        for symbol in symbols:
            step = P["decoder.embedding.weight"][symbol]
            step = torch.cat([step, a]) if d.input_feeding else step
            s, state = self.decoder(step[None], state)
            s = s[0]
            if d.attention != "none":
                shares = torch.stack([self._score(s, m) for m in memory]).softmax(dim=0)
                s = torch.cat([shares @ memory, s])
            a = torch.tanh(P["decoder.combine.weight"] @ s)
            found.append(P["decoder.head.weight"] @ a + P["decoder.head.bias"])
        return torch.stack(found)

    def _score(self, s: Tensor, m: Tensor) -> Tensor:
        P, at = self.named, "decoder.attention."
        if self.writes.attention == "multiplicative":
            return s @ P[f"{at}memory.weight"] @ m
        inside = P[f"{at}query.weight"] @ s + P[f"{at}memory.weight"] @ m
        return (P[f"{at}score.weight"] @ torch.tanh(inside + P[f"{at}memory.bias"]))[0]
