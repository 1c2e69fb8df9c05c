"""The corpora of the benchmarks of texts, as their protocols cut them.

Files are read from the folder that the variable UNROLLED_DATA names.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled import data


class Texts(NamedTuple):
    """The parts of a corpus for language models; `test` is empty where there is none."""

    train: str
    valid: str
    test: str


class Labelled(NamedTuple):
    """N sentences, tokens separated by spaces, and a label of each."""

    texts: list[str]
    labels: list[str]


class Classified(NamedTuple):
    """The parts of a problem of sentence classification."""

    train: Labelled
    valid: Labelled
    test: Labelled


class Tagged(NamedTuple):
    """N sentences as lists of words, and a tag of each word."""

    words: list[list[str]]
    tags: list[list[str]]


class TaggedParts(NamedTuple):
    """The parts of a tagged corpus."""

    train: Tagged
    valid: Tagged
    test: Tagged


def folder(name: str) -> Path:
    """A folder of UNROLLED_DATA.

    Raises:
        SystemExit: the variable is not set, or there is no such folder.
    """
    if "UNROLLED_DATA" not in os.environ:
        raise SystemExit(f"set UNROLLED_DATA to the folder that holds {name}")
    path = Path(os.environ["UNROLLED_DATA"]) / name
    if not path.is_dir():
        raise SystemExit(f"{path} is not there, which UNROLLED_DATA should hold")
    return path


def tiny_shakespeare() -> Texts:
    """1,115,394 characters, 65 distinct, with nanoGPT's cut: the last 10 % are held out.

    The last 111,540 characters, which others call validation, are `test` here. The 1,003,854 before
    them are what others train on; their last tenth is `valid`, to choose arguments by, and the
    model that is scored is trained on `train + valid`, which is all of them. A loss is nats a
    character over the whole test part, with the state carried through it.
    """
    text = (folder("tinyshakespeare") / "input.txt").read_text(encoding="utf-8")
    before = int(0.9 * len(text))
    chosen_by = int(0.9 * before)
    return Texts(text[:chosen_by], text[chosen_by:before], text[before:])


def ptb_words() -> Texts:
    """Penn Treebank as Mikolov cut and lower-cased it; a vocabulary of 10,000 with the line end.

    Lines are stripped and end with a line end, which counts as a word: 929,589, 73,760 and 82,430
    tokens. `<unk>` and `N` are words of the text. Perplexity is exp of the nats a token, line ends
    among them, over the whole part with the state carried through it.
    """
    return Texts(*("".join(f"{line.strip()}\n" for line in part) for part in _ptb()))


def ptb_characters(*, final_space: bool = True) -> Texts:
    """The same text spelled out, 50 distinct characters; `<unk>` is five of them.

    Args:
        final_space: keep the space that ends each line in Mikolov's files. With it there are
            5,059,550, 396,412 and 446,184 characters, the "5059K, 396K and 446K" of Bai, Kolter &
            Koltun (2018) and of other published bits a character; without it a sentence is one
            character shorter, 5,017,482, 393,042 and 442,423, and bits a character are about 0.8 %
            higher for the same model.

    Bits a character are nats / ln 2 over the whole part, with the state carried through it.
    """
    end = " \n" if final_space else "\n"
    return Texts(*("".join(f"{line.strip()}{end}" for line in part) for part in _ptb()))


def _ptb() -> Iterator[list[str]]:
    """Lines of the three parts."""
    here = folder("ptb")
    with gzip.open(here / "ptb.train.txt.gz", "rt", encoding="utf-8") as lines:
        yield list(lines)
    for part in ("valid", "test"):
        yield (here / f"ptb.{part}.txt").read_text(encoding="utf-8").splitlines()


def ud_english_ewt() -> TaggedParts:
    """Universal Dependencies, English Web Treebank: gold tokens and universal tags (UPOS).

    12,544, 2,001 and 2,077 sentences with 204,577, 25,147 and 25,094 words; the treebank's own
    parts. Words of a multi-word range are read, the range itself and empty nodes are not. The score
    is the share of words tagged right, punctuation among them; `valid` chooses, `test` is scored
    once.
    """
    here = folder("ud_english_ewt")
    names = ("train.conllu.gz", "dev.conllu", "test.conllu")
    return TaggedParts(*(Tagged(*data.read_tagged(here / f"en_ewt-ud-{name}")) for name in names))


def sst2() -> Classified:
    """Stanford Sentiment Treebank, two classes: 6,920, 872 and 1,821 whole sentences.

    The labels "0" (negative) and "1" are of whole sentences; neutral sentences are left out.
    Phrases inside the sentences, which most published figures were trained on too, are not in
    these files.
    """
    return Classified(*(_sst2(part) for part in ("train", "dev", "test")))


def _sst2(part: str) -> Labelled:
    text = (folder("sst") / f"sst2_{part}.tsv").read_text(encoding="utf-8")
    rows = [line.rsplit("\t", 1) for line in text.split("\n") if line]
    return Labelled([sentence for sentence, _ in rows], [label for _, label in rows])


def trec(*, valid_fraction: float = 0.1) -> Classified:
    """TREC questions, six classes (the coarse ones): 5,452 to train, 500 to test.

    There is no validation part: a share of the training part, drawn with a fixed seed, is held out.
    """
    train, test = (_trec(part) for part in ("train", "test"))
    order = np.random.default_rng(0).permutation(len(train.texts))
    held = int(valid_fraction * len(order))
    return Classified(_rows(train, order[held:]), _rows(train, order[:held]), test)


def _trec(part: str) -> Labelled:
    rows = [line.split(" ", 1) for line in _lines(f"TREC.{part}")]
    return Labelled([text for _, text in rows], [label.partition(":")[0] for label, _ in rows])


def movie_reviews(*, folds: int = 10, valid_fraction: float = 0.1) -> Iterator[Classified]:
    """MR (rt-polarity), 5,331 positive and 5,331 negative sentences, in `folds` parts.

    The sentences are shuffled with a fixed seed and cut; each part is the test part once, and the
    score is the mean over the parts (Kim 2014). Of what is left a share is held out to choose by.
    """
    texts, labels = [], []
    for label in ("pos", "neg"):
        lines = _lines(f"rt-polarity.{label}")
        texts += lines
        labels += [label] * len(lines)
    whole = Labelled(texts, labels)
    parts = np.array_split(np.random.default_rng(0).permutation(len(texts)), folds)
    for fold, test in enumerate(parts):
        others = np.concatenate([part for i, part in enumerate(parts) if i != fold])
        held = int(valid_fraction * len(others))
        yield Classified(*(_rows(whole, rows) for rows in (others[held:], others[:held], test)))


def _lines(name: str) -> list[str]:
    """Stripped lines; some hold characters that `splitlines` would cut at."""
    text = (folder("sentence_classification") / name).read_text(encoding="latin-1")
    return [line.strip() for line in text.split("\n") if line.strip()]


def _rows(labelled: Labelled, rows: np.ndarray) -> Labelled:
    return Labelled(*([column[i] for i in rows] for column in labelled))
