"""Commands run inside the test's process, and small files for them to read."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unrolled import data
from unrolled.cli import main
from unrolled.data import seattle_temperatures, stocks


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Standard error on one line, without colours and the boxes of wrong usage."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.err)
        return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


Run = Callable[[str], Done]


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `unrolled ...` in the test's folder."""

    def command(line: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line))
        printed = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, printed.out, printed.err)

    return command


@pytest.fixture
def succeed(run: Run) -> Callable[[str], str]:
    """Run a command that must succeed; gives its standard output."""

    def command(line: str) -> str:
        done = run(line)
        assert done.code == 0, done.err
        return done.out

    return command


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is trained once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def model(request: pytest.FixtureRequest, succeed: Callable[[str], str], kept: Path) -> None:
    """`model`, by the line TRAIN of the test's module."""
    if not (kept / "model").exists():
        line = request.module.TRAIN.replace("--out model", f"--out {kept / 'model'}")
        succeed(f"{line} -q --no-report")
    shutil.copytree(kept / "model", "model")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small file of each layout, and no traceback asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNROLLED_TRACEBACK", raising=False)
    write_files(tmp_path)
    return tmp_path


def write_files(folder: Path) -> None:
    """train, test and new: a row a sequence; walks: numbers; steps: a row a step; texts."""
    rng = np.random.default_rng(0)
    for name, num_rows in (("train", 30), ("test", 12), ("new", 5)):
        table = wide(rng, num_rows)
        if name == "new":
            table = table.drop("label")
        table.write_csv(folder / f"{name}.csv")
        table.write_parquet(folder / f"{name}.parquet")
    walks = wide(rng, 30).with_columns(next=pl.col("t4") * 2 + 1).drop("label")
    walks.write_csv(folder / "walks.csv")
    wide(rng, 12).rename({"label": "truth"}).write_csv(folder / "other.csv")
    long(rng, 24).write_csv(folder / "steps.csv")
    words = {"good": "fine great nice", "bad": "poor dull sad"}
    rows = [
        (" ".join(rng.choice(words[label].split(), size=rng.integers(1, 5))), label)
        for label in rng.permutation(["good", "bad"] * 12)
    ]
    texts = pl.DataFrame(rows, schema=["sentence", "label"], orient="row")
    texts.write_csv(folder / "texts.tsv", separator="\t")
    write_series(folder)
    write_texts(folder, rng)
    write_pairs(folder)


def write_pairs(folder: Path) -> None:
    """pairs, train and val: texts and themselves backwards; words: and their letters."""
    rng = np.random.default_rng(0)
    drawn = {"".join(rng.choice(list("abcd"), rng.integers(2, 5))) for _ in range(24)}
    texts = sorted(drawn)
    both = [(text, text[::-1]) for text in texts]
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in both))
    (folder / "words.tsv").write_text("".join(f"{a}\t{' '.join(b)}\n" for a, b in both))
    for part in ("train", "val"):
        (folder / f"{part}.de").write_text("".join(f"{a}\n" for a, _ in both))
        (folder / f"{part}.en").write_text("".join(f"{b}\n" for _, b in both))


def write_texts(folder: Path, rng: np.random.Generator) -> None:
    """corpus and other: plain text; train and dev: CoNLL-U; entities: columns; sentences."""
    names, verbs, things = ("Ann", "Bob", "Eve"), ("sees", "takes"), ("it", "a book", "the old cup")
    pos = {"it": "PRON", "a": "DET", "the": "DET", "old": "ADJ", "book": "NOUN", "cup": "NOUN"}
    pos |= dict.fromkeys(names, "PROPN") | dict.fromkeys(verbs, "VERB") | {".": "PUNCT"}

    def sentences(count: int) -> list[list[str]]:
        picks = [[str(rng.choice(part)) for part in (names, verbs, things)] for _ in range(count)]
        return [f"{name} {verb} {thing} .".split() for name, verb, thing in picks]

    for name, count in (("corpus", 400), ("other", 60)):
        lines = (" ".join(words) + "\n" for words in sentences(count))
        (folder / f"{name}.txt").write_text("".join(lines))
    for name, count in (("train", 60), ("dev", 20)):
        found = sentences(count)
        labels = [[pos[word] for word in words] for words in found]
        data.write_tagged(folder / f"{name}.conllu", found, labels)
        text = (folder / f"{name}.conllu").read_text()
        # XPOS is UPOS in small letters.
        rows = [line.split("\t") for line in text.splitlines()]
        lines = ("\t".join([*r[:4], r[3].lower(), *r[5:]]) if r[0] else "" for r in rows)
        (folder / f"{name}.conllu").write_text("\n".join(lines) + "\n")
    columns = ("".join(f"{w} {pos[w]} x\n" for w in words) + "\n" for words in sentences(30))
    (folder / "entities.tsv").write_text("".join(columns))
    (folder / "sentences.txt").write_text("Ann sees a cup .\n\n  Zoe takes the new book .\n")
    (folder / "sources.txt").write_text("Ann sees a cup .\nZoe takes the new book .\n")


def write_series(folder: Path) -> None:
    """prices: five real companies by month; temps: real temperatures by hour; shop: covariates."""
    prices = pl.concat(
        pl.DataFrame({"symbol": name, "date": as_text(one.times, "D"), "price": one.values})
        for name, one in stocks().items()
    )
    prices.write_csv(folder / "prices.csv")
    one, hours = seattle_temperatures(), slice(24 * 14)
    pl.DataFrame({"date": as_text(one.times[hours], "m"), "temp": one.values[hours]}).write_csv(
        folder / "temps.csv"
    )
    rng = np.random.default_rng(1)
    days = np.datetime64("2024-01-01") + np.arange(120)
    weekend = np.arange(120) % 7 > 4
    sales = (20 + 5 * weekend + rng.normal(size=120)).round(2).tolist()
    pl.DataFrame(
        {
            "day": as_text(days, "D"),
            "sales": [*sales[:90], *[None] * 30],
            "holiday": np.where(weekend, "yes", "no"),
            "visits": [*rng.integers(50, 90, 90).tolist(), *[None] * 30],
        }
    ).write_csv(folder / "shop.csv")


def as_text(times: Any, unit: str) -> list[str]:
    """Times as ISO 8601 writes them."""
    return list(times.astype(f"datetime64[{unit}]").astype(str))


def wide(rng: np.random.Generator, num_rows: int) -> pl.DataFrame:
    """Five steps a row, and whether they sum up to more than 0."""
    steps = rng.normal(size=(num_rows, 5)).round(3)
    steps[:2] = [[1.0] * 5, [-1.0] * 5]
    label = np.where(steps.sum(axis=1) > 0, "up", "down")
    return pl.DataFrame(steps, schema=[f"t{i}" for i in range(5)]).with_columns(
        pl.Series("label", label)
    )


def long(rng: np.random.Generator, num_ids: int) -> pl.DataFrame:
    """Two channels, 2 to 6 steps an id, the steps of all ids in random order."""
    rows = []
    for i in range(num_ids):
        label = "odd" if i % 2 else "even"
        for t in range(rng.integers(2, 7)):
            x = float(rng.normal(i % 2, 0.5))
            rows.append((f"case {i}", t, label, round(x, 3), round(float(rng.normal()), 3)))
    table = pl.DataFrame(rows, schema=["id", "t", "label", "x", "y"], orient="row")
    return table[rng.permutation(len(table))]
