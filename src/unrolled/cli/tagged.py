"""Files of sentences as a tagger reads and writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from unrolled.data.conll import FIELDS, is_conllu, read_tagged, tagged_text, write_tagged
from unrolled.data.conll_fill import fill_tagged
from unrolled.data.open_files import existing_file, lines

Sentences = list[list[str]]
WRITTEN = (".tsv", ".conllu")
SENTENCE_A_LINE = (".txt", ".txt.gz")


@dataclass(frozen=True)
class TagColumns:
    """Where words and labels stand in a file.

    Attributes:
        conllu: whether these are fields of CoNLL-U; files of the other kind are read by default.
        words: a field, or the number of a column from 1; None for FORM, or the first one.
        labels: the same of labels; None for UPOS, or the last one.
    """

    conllu: bool = False
    words: int | str | None = None
    labels: int | str | None = None

    @classmethod
    def typed(cls, data: Path, words: str | None, labels: str | None) -> TagColumns:
        """What options say.

        Raises:
            typer.BadParameter: One is neither a field nor a number of a column.
        """
        conllu = is_conllu(data)
        return cls(conllu, _column("--words", words, conllu), _column("--labels", labels, conllu))

    @classmethod
    def from_config(cls, config: object, name: str) -> TagColumns:
        """What `to_config` gave; the defaults of a model that was saved from Python.

        Raises:
            ValueError: It is something else.
        """
        if config is None:
            return cls()
        if (
            not isinstance(config, Mapping)
            or set(config) != {"conllu", "words", "labels"}
            or not isinstance(config["conllu"], bool)
            or not all(isinstance(config[key], int | str | None) for key in ("words", "labels"))
        ):
            raise ValueError(f"{name} does not say as it should which columns to read")
        return cls(**config)

    def to_config(self) -> dict[str, Any]:
        """Plain data, to be stored with a model."""
        return asdict(self)

    def of(self, file: Path) -> TagColumns:
        """Those of a file: the defaults where it is of the other kind."""
        return self if self.conllu == is_conllu(file) else TagColumns(is_conllu(file))

    def read(self, file: Path) -> tuple[Sentences, Sentences]:
        """Words and labels of a file, which is no .txt: those hold sentences without labels.

        Raises:
            FileNotFoundError, TypeError, ValueError: It cannot be read; says which line and why.
        """
        if existing_file(file).name.lower().endswith(SENTENCE_A_LINE):
            # What `predict` reads as words alone must not be labels here.
            raise ValueError(
                f"{file} is read as a sentence a line, for its name ends in .txt; name a file with "
                "a word and its label a line .tsv or .conllu"
            )
        own = self.of(file)
        return read_tagged(file, words=own.words, labels=own.labels)

    def field(self) -> str:
        """The field of CoNLL-U that labels are written to."""
        if not self.conllu or self.labels is None:
            return "upos"
        return self.labels if isinstance(self.labels, str) else FIELDS[self.labels - 1]


def read_sentences(file: Path, columns: TagColumns) -> Sentences:
    """The words of sentences: a sentence a line of a .txt file, else as `TagColumns.read`.

    Raises:
        FileNotFoundError, ValueError: The file cannot be read, or holds no words.
    """
    if not file.name.lower().endswith(SENTENCE_A_LINE):
        own = columns.of(file)
        words = own.words if own.words is not None else ("form" if own.conllu else 1)
        return read_tagged(file, words=words, labels=words)[0]
    found = [line.split() for _, line in lines(existing_file(file))]
    sentences = [words for words in found if words]
    if not sentences:
        raise ValueError(f"{file} holds no words")
    return sentences


def check_written(out: Path, data: Path) -> None:
    """Check before long work that sentences can be written as this file.

    Raises:
        typer.BadParameter: It is of no kind that is written, or is what is read.
    """
    plain = out.name.lower().removesuffix(".gz")
    if not plain.endswith(WRITTEN):
        raise typer.BadParameter(f"--out {out} must end in {' or '.join(WRITTEN)}, for a tagger")
    if out.exists() and data.exists() and os.path.samefile(out, data):
        raise typer.BadParameter(f"--out {out} is DATA itself, which is not replaced")


def write(
    out: Path | None, data: Path, sentences: Sentences, labels: Sentences, columns: TagColumns
) -> str:
    """Write the sentences of a file with their labels, or give what to print as two columns.

    A file of the same kind as `data` is `data` with other labels, all else as it stands.
    """
    if out is None:
        return tagged_text(sentences, labels)
    own = columns.of(data)
    if data.name.lower().endswith(SENTENCE_A_LINE) or is_conllu(data) != is_conllu(out):
        write_tagged(out, sentences, labels, field=columns.field())
    else:
        fill_tagged(data, out, labels, field=own.field() if own.conllu else own.labels)
    return f"{out}: {len(sentences):,} sentences\n"


def _column(option: str, text: str | None, conllu: bool) -> int | str | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    if not conllu:
        raise typer.BadParameter(f"{option} {text} is no number of a column, counted from 1")
    if text.lower() not in FIELDS:
        raise typer.BadParameter(f"{option} {text} is no field of CoNLL-U: {', '.join(FIELDS)}")
    return text.lower()
