"""The arguments of a `Translator` beside those of training and of what writes."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.estimators.options import choice, flag
from unrolled.estimators.symbols import UNITS
from unrolled.estimators.translation.writing_arguments import AttendingArguments
from unrolled.runtime.encoder_decoder import EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent


@dataclass(kw_only=True, eq=False, repr=False)
class TranslationArguments(AttendingArguments):
    """What is read, beside what `AttendingArguments` says; `unit` is that of what is read.

    Args:
        target_unit: likewise of what is written; None is `unit`.
        shared_vocabulary: one vocabulary, and one embedding, for both sides.
        bidirectional: the encoder reads both ways.
    """

    target_unit: str | None = field(
        default=None, metadata=choice(None, *UNITS, help="unit of what is written; None is unit")
    )
    shared_vocabulary: bool = field(
        default=False, metadata=flag(help="one vocabulary and embedding for both sides")
    )
    bidirectional: bool = field(default=True, metadata=flag(help="read both ways"))

    def _units(self) -> tuple[str, str]:
        """Of what is read and of what is written."""
        return self.unit, self.unit if self.target_unit is None else self.target_unit

    def _check_writing(self) -> None:
        """Refuse arguments that do not go together.

        Raises:
            ValueError: one vocabulary is asked for, of two units, or length_penalty is too large.
        """
        super()._check_writing()
        ours, theirs = self._units()
        if self.shared_vocabulary and ours != theirs:
            raise ValueError(
                f"shared_vocabulary=True needs one unit, got unit={ours!r} and "
                f"target_unit={theirs!r}"
            )

    def _spec(self, num_read: int, num_written: int) -> EncoderDecoderSpec:
        """The model of so many symbols on each side."""
        stack = Recurrent(
            *(self.cell, int(self.hidden_size), int(self.num_layers)),
            *(bool(self.bidirectional), self._between()),
        )
        return EncoderDecoderSpec(
            input_size=num_read,
            embedding_size=self._symbol_size(),
            recurrent=stack,
            decoder=self._decoder(num_written, self.attention, self.input_feeding),
            shared=bool(self.shared_vocabulary),
            input_dropout=float(self.input_dropout),
        )
