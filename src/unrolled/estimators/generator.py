"""One to many: a label or a vector to a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.fixed_inputs import FixedInputs
from unrolled.data.sequences import as_table
from unrolled.data.text import as_texts
from unrolled.estimators.captions import sources
from unrolled.estimators.captions.arguments import GeneratorArguments
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.labels import labels_from_config, labels_to_config
from unrolled.estimators.parts import Part, seeds
from unrolled.estimators.translation import scoring, texts, writing
from unrolled.estimators.translation.text_writer import TextWriter
from unrolled.runtime.config_checks import check_keys, whole_number
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Label
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.transforms import Scaler
from unrolled.training import engines

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols


class LearntSequences:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: OneToManySpec
    vocabulary_: Symbols
    classes_: NDArray[Any] | None
    scaler_: Scaler | None
    lists_: bool


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceGenerator(LearntSequences, GeneratorArguments, TextWriter):
    """A decoder that writes a sequence from a label or a vector.

    X is N labels, all texts or all whole numbers, or an array [N, C] of vectors; y N texts, or N
    lists of symbols (texts without white space), which are then written as lists. A label may come
    with many texts, a row each. `predict` gives the likeliest text, `generate` draws one. It needs
    torch.

    All arguments stand in `docs/arguments.md`, described in `GeneratorArguments`,
    `WritingArguments` and `LearningArguments`; of lists of symbols `unit` is not read.

    Attributes:
        vocabulary_: numbers the symbols; 0 is the unknown one, which is never written, 1 the end.
        classes_: the labels, sorted; None of vectors.
        scaler_: of vectors; None of labels.
        lists_: whether it writes lists of symbols.
        longest_: symbols of the longest text of y, its end among them.
    """

    def generate(
        self,
        X: Any,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: Any = None,
    ) -> list[Any]:
        """A text for each of X, drawn symbol by symbol; the unknown symbol is never drawn.

        Args:
            X: labels or vectors, as in `fit`; the same one may come often.
            temperature: 1 draws by the model's shares, below 1 likelier ones more often, 0 takes
                the likeliest.
            top_k: how many of the likeliest symbols are kept; None keeps all.
            top_p: of the likeliest ones those are kept that together reach this share.
            random_state: seed of the draws.

        Raises:
            TypeError, ValueError: X cannot be read, or an argument cannot be used.
        """
        self._check_fitted()
        sampling = Sampling(temperature, top_k, top_p, (writing.UNKNOWN,))
        rng = np.random.default_rng(seeds(random_state).base)
        inputs, most = self._read_source(X), self._search().most
        choice = engines.choose(engines.AUTO, self.spec_)
        with engines.suited_threads(choice, self.spec_, min(len(inputs), writing.AT_ONCE)):
            drawn = writing.draw(self.spec_, self.weights_, inputs, most, sampling, rng)
        return [self._out(self._text(decoded)) for decoded in drawn]

    def _target(self) -> Symbols:
        return self.vocabulary_

    def _read(self, X: Any, *, fitting: bool) -> NDArray[Any]:
        """Labels [N] or vectors [N, C]."""
        labels = sources.are_labels(X)
        if not fitting and labels != (self.classes_ is not None):
            came, needed = ("labels", "vectors") if labels else ("vectors", "labels")
            raise TypeError(f"X holds {came}, but {type(self).__name__} was fitted on {needed}")
        if labels:
            return sources.read_labels(X)
        table = as_table(X)
        if not fitting and self.scaler_ is not None and table.shape[1] != self.scaler_.channels:
            raise ValueError(
                f"X has {table.shape[1]} numbers a vector, but {type(self).__name__} was fitted on "
                f"{self.scaler_.channels}"
            )
        return table

    def _read_pairs(self, X: Any, y: Any, *, fitting: bool) -> Part:
        inputs = self._read(X, fitting=fitting)
        lists = _has_lists(y)
        if fitting:
            self.lists_ = lists
            # All labels there are, where the part that is trained on may lack some.
            self.classes_ = np.unique(inputs) if inputs.ndim == 1 else None
        written = self._joined(y) if lists or self.lists_ else as_texts(y, name="y")
        check_consistent_length(inputs, written)
        return Part(inputs, np.array(written, dtype=object), None)

    def _joined(self, y: Any) -> list[str]:
        if not self.lists_:
            raise TypeError("y holds lists of symbols, but the model was fitted on texts")
        if isinstance(y, str) or not hasattr(y, "__iter__"):
            raise TypeError(f"y must be a list of lists of symbols, got {type(y).__name__}")
        return [sources.joined(symbols, f"y[{i}]") for i, symbols in enumerate(y)]

    def _read_written(self, written: Any) -> list[str]:
        return self._joined(written) if self.lists_ else super()._read_written(written)

    def _read_references(self, y: Any, num: int) -> list[list[str]]:
        if not self.lists_:
            return super()._read_references(y, num)
        if isinstance(y, str) or not hasattr(y, "__iter__"):
            raise TypeError(f"y must be a list of lists of symbols, got {type(y).__name__}")
        found = [
            [sources.joined(symbols, f"y[{i}][{j}]") for j, symbols in enumerate(row)]
            if _has_lists(row)
            else [sources.joined(row, f"y[{i}]")]
            for i, row in enumerate(y)
        ]
        check_consistent_length(range(num), found)
        return found

    def _out(self, text: str) -> Any:
        return text.split() if self.lists_ else text

    def _learn(self, part: Part) -> None:
        self.scaler_ = None
        if self.classes_ is None:
            self.scaler_ = sources.learn_scaler(part.inputs, bool(self.standardize))
        self.vocabulary_ = texts.fit_target(part.y.tolist(), self, self._written_unit())

    def _written_unit(self) -> str:
        return "token" if self.lists_ else self.unit

    def _read_source(self, X: Any) -> FixedInputs:
        return self._scaled(self._read(X, fitting=False))

    def _source(self, part: Part) -> FixedInputs:
        return self._scaled(part.inputs)

    def _scaled(self, inputs: Any) -> FixedInputs:
        if self.classes_ is None:
            return FixedInputs.of(inputs, self.scaler_)
        return FixedInputs.of(sources.numbers_of(inputs, self.classes_))

    def _more_scores(self, written: list[str], references: list[list[str]]) -> dict[str, float]:
        return {
            "bleu_1": scoring.bleu(written, references, most=1),
            "bleu": scoring.bleu(written, references),
        }

    def _describe(self) -> OneToManySpec:
        self._check_writing()
        labels = self.classes_ is not None
        size = len(self.classes_) if self.classes_ is not None else self._channels()
        return self._spec(size, len(self.vocabulary_), labels=labels)

    def _channels(self) -> int:
        assert self.scaler_ is not None
        return self.scaler_.channels

    def _inputs_to_config(self) -> dict[str, Any]:
        return {
            "labels": None if self.classes_ is None else labels_to_config(self.classes_),
            "scaler": None if self.scaler_ is None else self.scaler_.to_config(),
        }

    def _targets_to_config(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary_.to_config(),
            "longest": self.longest_,
            "lists": self.lists_,
        }

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        if not isinstance(self.spec_, OneToManySpec):
            raise ValueError("a generator needs a spec of one that reads and a decoder")
        check_keys("part inputs", config, ("labels", "scaler"))
        labels, scaler = config["labels"], config["scaler"]
        if (labels is None) == (scaler is None) or isinstance(self.spec_.reads, Label) != (
            scaler is None
        ):
            raise ValueError("inputs need labels where the model reads labels, else a scaler")
        self.classes_ = self.scaler_ = None
        if labels is None:
            self.scaler_ = Scaler.from_config(scaler)
            return
        check_keys("part labels", labels, ("classes", "dtype"))
        self.classes_ = labels_from_config(labels)

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys("part targets", config, ("vocabulary", "longest", "lists"))
        self.vocabulary_ = texts.symbols_of(config["vocabulary"], self.spec_.output_size)
        self.longest_ = whole_number("longest", config["longest"], least=1)
        if not isinstance(config["lists"], bool):
            raise ValueError(f"lists must be true or false, got {config['lists']!r:.80}")
        self.lists_ = config["lists"]
        if self.lists_ and self.vocabulary_.unit != "token":
            raise ValueError("a generator of lists needs a vocabulary of tokens")


def _has_lists(y: Any) -> bool:
    """Whether y holds lists of symbols, judged by its first item."""
    if isinstance(y, str) or not hasattr(y, "__iter__") or isinstance(y, Mapping):
        return False
    first = next(iter(y), None) if not hasattr(y, "__next__") else None
    return isinstance(first, list | tuple | np.ndarray)
