"""What symbols' vectors begin with: random numbers, or for some of them vectors of others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.open_files import existing_file
from unrolled.data.word_vectors import MAX_SIZE, read_vectors
from unrolled.estimators.options import instance, real
from unrolled.runtime.spec import Spec

EMBEDDING, WORDS = "embedding.weight", "categories.0.weight"


@dataclass(frozen=True, eq=False)
class GivenVectors:
    """Vectors of a file for some rows of an embedding.

    Attributes:
        size: E, numbers of a vector.
        found: how many symbols have one.
        digest: a checksum of rows and values; "" of a loaded model, which has none of them.
        rows: [found] which rows of the embedding; none once they are filled.
        values: [found, E] the vectors; none once they are filled.
    """

    size: int
    found: int
    digest: str
    rows: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], symbols: Sequence[str], *, first: int, any_case: bool
    ) -> GivenVectors:
        """The vectors that a file has for symbols, see `unrolled.data.word_vectors`.

        Args:
            path: the file.
            symbols: what the rows from `first` on stand for.
            first: row of the first symbol.
            any_case: a symbol that is not there as written takes the vector of its lower-cased
                form.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no file of vectors, or has none of the symbols.
        """
        forms = [(symbol, symbol.lower() if any_case else symbol) for symbol in symbols]
        wanted = list(dict.fromkeys(form for pair in forms for form in pair))
        vectors, found = read_vectors(path, wanted)
        there = {form: i for i, form in enumerate(wanted) if found[i]}
        places = np.array([there.get(s, there.get(lower, -1)) for s, lower in forms], np.int64)
        rows = np.flatnonzero(places >= 0)
        values = vectors[places[rows]]
        digest = hashlib.blake2b(rows.tobytes() + values.tobytes(), digest_size=16).hexdigest()
        return cls(vectors.shape[1], len(rows), digest, rows + first, values)

    def filled(self) -> GivenVectors:
        """The same without rows and values, which take memory."""
        return replace(self, rows=self.rows[:0], values=self.values[:0])

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data: `size` and `found`, not the vectors."""
        return {"size": self.size, "found": self.found}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> GivenVectors:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        if not isinstance(config, Mapping) or set(config) != {"size", "found"}:
            raise ValueError(f"vectors need size and found, got {config!r:.80}")
        size, found = config["size"], config["found"]
        if type(size) is not int or type(found) is not int or not 1 <= size <= MAX_SIZE:
            raise ValueError(f"vectors need whole numbers size and found, got {config!r:.80}")
        if found < 1:
            raise ValueError(f"vectors were found for {found} symbols; there is one at least")
        return cls(size, found, "", np.zeros(0, np.int64), np.zeros((0, size), np.float32))


class LearntVectors:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    vectors_found_: int | None
    _given: GivenVectors | None = None

    if TYPE_CHECKING:  # see trainable.py
        spec_: Spec

        def named_parameters(self) -> dict[str, NDArray[np.float32]]: ...


@dataclass(kw_only=True, eq=False, repr=False)
class VectorArguments(LearntVectors):
    """An estimator of symbols, whose vectors begin at random or with those of a file.

    Args:
        embedding_scale: the vectors of symbols begin at random with a mean of 0 and this standard
            deviation (over the square root of their size where `tied`). 1 is torch's; where many
            symbols are rare, as the words of some thousand sentences are, 0.1 learns far better.
        vectors: a file of word vectors, text as of GloVe or word2vec (.gz too) or .npz, see
            `unrolled.data.read_vectors`; the vectors of symbols that it has are where training
            begins, those of others begin as without. A saved model does not name it.

    Attributes:
        vectors_found_: how many symbols the file has; None without a file.
    """

    embedding_scale: float = field(
        default=1.0, metadata=real(0.0, above=True, help="first size of symbols' vectors")
    )
    vectors: str | os.PathLike[str] | None = field(
        default=None,
        metadata=instance(
            str, os.PathLike, wanted="a path", help="file of word vectors to begin with"
        ),
    )

    def _read_vectors(
        self, symbols: Sequence[str], unit: str, embedding_size: int | None, *, first: int = 0
    ) -> None:
        """Look for the symbols of the rows from `first` on, if there is a file.

        Raises:
            FileNotFoundError, ValueError: as `GivenVectors.read`; or `embedding_size` is not that
                of the vectors.
        """
        self._given, self.vectors_found_ = None, None
        if self.vectors is None:
            return
        given = GivenVectors.read(self.vectors, symbols, first=first, any_case=unit != "character")
        if embedding_size not in (None, given.size):
            raise ValueError(
                f"embedding_size={embedding_size}, but the vectors of {os.fspath(self.vectors)} "
                f"have {given.size} numbers; leave embedding_size out"
            )
        self._given, self.vectors_found_ = given, given.found

    def _check_vectors(self, unit: str) -> None:
        """Refuse, before any work, a file that is not there, and symbols that have no vectors."""
        if self.vectors is None:
            return
        if unit == "subword":
            raise ValueError('vectors are of words, which unit="subword" does not have')
        existing_file(self.vectors)

    def _without_vectors(self) -> None:
        """The inputs are no symbols."""
        self._given, self.vectors_found_ = None, None
        if self.vectors is not None:
            raise ValueError("vectors needs texts, and X holds numbers; leave it out")

    def _given_size(self) -> int | None:
        """E of the vectors of a file, None without."""
        return None if self._given is None else self._given.size

    def _set_first_weights(self) -> None:
        named = self.named_parameters()
        if self.embedding_scale != 1.0:
            for name, table in named.items():
                if name == EMBEDDING or name.startswith("categories."):
                    table *= np.float32(self.embedding_scale)
        if self._given is not None:
            table = named[WORDS if self.spec_.categories else EMBEDDING]
            table[self._given.rows] = self._given.values
            self._given = self._given.filled()

    def _first_weights(self) -> str | None:
        return None if self._given is None else self._given.digest

    def _vectors_to_config(self) -> dict[str, Any] | None:
        return None if self._given is None else self._given.to_config()

    def _vectors_from_config(self, config: Mapping[str, Any] | None) -> None:
        self._given = None if config is None else GivenVectors.from_config(config)
        self.vectors_found_ = None if self._given is None else self._given.found
