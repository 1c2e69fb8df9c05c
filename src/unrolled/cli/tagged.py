"""Files of sentences as a tagger reads and writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import typer

from unrolled.cli.screen import count
from unrolled.data.conll import (
    FIELDS,
    is_conllu,
    label_field,
    num_columns,
    read_tagged,
    read_words,
    tagged_text,
    write_tagged,
)
from unrolled.data.conll_fill import fill_tagged
from unrolled.data.open_files import existing_file, lines

Sentences = list[list[str]]
WRITTEN = (".tsv", ".conllu")
# By number and by name: all but ID and FORM.
WRITTEN_FIELDS = (*range(3, len(FIELDS) + 1), *FIELDS[2:])
SENTENCE_A_LINE = (".txt", ".txt.gz")


@dataclass(frozen=True)
class TagColumns:
    """Where words and labels stand in a file.

    Attributes:
        conllu: whether these are fields of CoNLL-U; files of the other kind are read by default.
        words: a field, or the number of a column from 1; None for FORM, or the first one.
        labels: the same of labels; None for UPOS, or the last one.
        num_columns: how many the file had that a model has learnt from; None for CoNLL-U, or where
            it is not known.
    """

    conllu: bool = False
    words: int | str | None = None
    labels: int | str | None = None
    num_columns: int | None = None

    @classmethod
    def typed(cls, data: Path, words: str | None, labels: str | None) -> TagColumns:
        """What options say.

        Raises:
            typer.BadParameter: One is neither a field nor a number of a column; labels are asked
                for that `predict` could not write.
        """
        conllu = is_conllu(data)
        own = cls(conllu, column("--words", words, conllu), column("--labels", labels, conllu))
        if conllu and labels is not None and own.labels not in WRITTEN_FIELDS:
            raise typer.BadParameter(
                f"--labels {labels} is no field for labels: {', '.join(FIELDS[2:])}"
            )
        return own

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
            or {*config, "num_columns"} != {"conllu", "words", "labels", "num_columns"}
            or not isinstance(config["conllu"], bool)
            or not all(isinstance(config[key], int | str | None) for key in ("words", "labels"))
            or not isinstance(config.get("num_columns"), int | None)
        ):
            raise ValueError(f"{name} does not say as it should which columns to read")
        return cls(**config)

    def to_config(self) -> dict[str, Any]:
        """Plain data, to be stored with a model."""
        return asdict(self)

    def of(self, file: Path) -> TagColumns:
        """Those of a file: the defaults where it is of the other kind."""
        return self if self.conllu == is_conllu(file) else TagColumns(is_conllu(file))

    def learnt_from(self, file: Path) -> TagColumns:
        """The numbers of those of a file of columns, with how many it has; fields as they are.

        Raises:
            FileNotFoundError, ValueError: It cannot be read.
        """
        if self.conllu:
            return self
        whole = num_columns(file)
        return replace(self, words=self.words or 1, labels=self.labels or whole, num_columns=whole)

    def filled(self, file: Path) -> int | str | None:
        """Where labels are put into a file: None for a new column, behind the last one.

        A column of labels is replaced only where the file has as many as the model learnt from.

        Raises:
            FileNotFoundError, ValueError: The file cannot be read; words would be replaced.
        """
        own = self.of(file)
        if own.conllu:
            return label_field(own.field())
        if own.num_columns is None or own.num_columns != num_columns(file):
            return None
        own.check_apart(file)
        return own.labels

    def check_apart(self, file: Path) -> None:
        """Refuse labels that stand where the words of a file stand.

        Raises:
            FileNotFoundError, ValueError: They do, or it cannot be read.
        """
        words: int | str
        labels: int | str
        if self.conllu:
            words = field_name(self.words or "form")
            labels = field_name(self.labels or "upos")
            where = f"the field {labels}"
        else:
            words, labels = self.words or 1, self.labels or num_columns(file)
            where = f"column {labels}"
        if words == labels:
            raise ValueError(f"{file}: words and labels are both read from {where}; part them")

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
        if own.num_columns is not None and (there := num_columns(file)) != own.num_columns:
            raise ValueError(
                f"{file} has {count(there, 'column')}, but the model has learnt from a file of "
                f"{own.num_columns}; where do its labels stand? evaluate takes --target N"
            )
        own.check_apart(file)
        return read_tagged(file, words=own.words, labels=own.labels)

    def field(self) -> str:
        """The field of CoNLL-U that labels are written to."""
        if not self.conllu or self.labels is None:
            return "upos"
        return field_name(self.labels)


def field_name(field: int | str) -> str:
    """The name of a field of CoNLL-U, by itself or by its number from 1.

    Raises:
        ValueError: There are not so many.
    """
    if isinstance(field, str):
        return field
    if not 1 <= field <= len(FIELDS):
        raise ValueError(f"the field {field} is none of the {len(FIELDS)} of CoNLL-U")
    return FIELDS[field - 1]


def read_sentences(file: Path, columns: TagColumns) -> Sentences:
    """The words of sentences: a sentence a line of a .txt file, else those of its columns.

    Raises:
        FileNotFoundError, ValueError: The file cannot be read, or holds no words.
    """
    if not file.name.lower().endswith(SENTENCE_A_LINE):
        return read_words(file, words=columns.of(file).words)
    found = [line.split() for _, line in lines(existing_file(file))]
    sentences = [words for words in found if words]
    if not sentences:
        raise ValueError(f"{file} holds no words")
    return sentences


def check_written(out: Path, data: Path, columns: TagColumns) -> None:
    """Check before long work that sentences can be written as this file.

    Raises:
        typer.BadParameter: It is of no kind that is written, or is what is read.
        FileNotFoundError, ValueError: `data` cannot be read; labels would replace its words.
    """
    plain = out.name.lower().removesuffix(".gz")
    if not plain.endswith(WRITTEN):
        raise typer.BadParameter(f"--out {out} must end in {' or '.join(WRITTEN)}, for a tagger")
    if out.exists() and data.exists() and os.path.samefile(out, data):
        raise typer.BadParameter(f"--out {out} is DATA itself, which is not replaced")
    if _is_filled(data, out):
        columns.filled(data)
    elif is_conllu(out):
        label_field(columns.field())


def write(
    out: Path | None, data: Path, sentences: Sentences, labels: Sentences, columns: TagColumns
) -> str:
    """Write the sentences of a file with their labels, or give what to print as two columns.

    A file of the same kind as `data` is `data` with these labels, all else as it stands: in the
    place of its own, or in a new column where the model has not learnt from as many columns.
    """
    if out is None:
        return tagged_text(sentences, labels)
    if _is_filled(data, out):
        field = columns.filled(data)
        fill_tagged(data, out, labels, field=field, new_column=field is None)
    else:
        write_tagged(out, sentences, labels, field=columns.field())
    return f"{out}: {count(len(sentences), 'sentence')}\n"


def _is_filled(data: Path, out: Path) -> bool:
    """Whether what is written is the file that was read, with labels."""
    return not data.name.lower().endswith(SENTENCE_A_LINE) and is_conllu(data) == is_conllu(out)


def column(option: str, text: str | None, conllu: bool) -> int | str | None:
    """A field or the number of a column as it was typed behind an option.

    Raises:
        typer.BadParameter: It is neither; names the option.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    if not conllu:
        raise typer.BadParameter(f"{option} {text} is no number of a column, counted from 1")
    if text.lower() not in FIELDS:
        raise typer.BadParameter(f"{option} {text} is no field of CoNLL-U: {', '.join(FIELDS)}")
    return text.lower()
