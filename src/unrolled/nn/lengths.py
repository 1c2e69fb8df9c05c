"""How many steps of each sequence are valid, given in any form that a user may hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from unrolled.kernels.layout import check_lengths

Lengths = Sequence[int] | np.ndarray | Tensor


def host_lengths(lengths: int | Lengths, num_steps: int, num_sequences: int) -> np.ndarray:
    """`lengths` as an array in main memory, checked; a tensor on another device is fetched.

    Args:
        lengths: [N] integers of any type, on any device.
        num_steps: T.
        num_sequences: N.

    Returns:
        [N] int64, each from 1 to T.

    Raises:
        TypeError: if `lengths` holds anything but integers.
        ValueError: if its shape is not [N] or a length is not from 1 to T.
    """
    if isinstance(lengths, Tensor):
        lengths = lengths.detach().cpu().numpy()
    return check_lengths(lengths, num_steps, num_sequences)
