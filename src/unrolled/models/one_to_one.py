"""One to one: an input vector to an output vector, without memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.models.heads import DenseHead
from unrolled.models.sharing import share
from unrolled.runtime.spec import Spec, initial_values


class OneToOne(DenseHead):
    """Dense layers and an output layer: `y = phi(W x + b)` applied layer by layer.

    Args:
        spec: a spec without a recurrent stack.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.

    Raises:
        ValueError: the spec has a recurrent stack.
    """

    def __init__(self, spec: Spec, flat: NDArray[np.float32] | None = None) -> None:
        if spec.recurrent is not None:
            raise ValueError("OneToOne takes a spec with recurrent=None; use ManyToOne")
        super().__init__(spec)
        with torch.device("meta"):
            self.add_head(spec.input_size)
        share(self, spec, initial_values(spec, 0) if flat is None else flat)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: None = None
    ) -> tuple[Tensor, None]:
        """x [N, C] to (raw outputs [N, K], None); there are no lengths and no state."""
        if lengths is not None or state is not None:
            raise ValueError("a one-to-one model has neither lengths nor a state; pass None")
        return self.read_out(x), None
