"""`unrolled train caption`, and the other commands on a captioner."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import ImageCaptioner, load
from unrolled.cli import predict
from unrolled.cli.captioned import CaptionColumns, Captioned, nearest_captions
from unrolled.cli.train_caption import EXAMPLES

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
pytestmark = pytest.mark.torch
SMALL = "--convolutions 4 --hidden-size 8 --max-epochs 2 --random-state 0 --batch-size 8"
TRAIN = f"train caption in/images.csv --out model {SMALL}"
PNG = b"\x89PNG\r\n\x1a\n"
NUM = 12


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    """in/images.csv: 12 images beside it, light or dark, the first with two captions."""
    Image = pytest.importorskip("PIL.Image")
    Path("in").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for i in range(NUM):
        light = i % 2
        pixels = rng.integers(128 * light, 128 + 128 * light, (6, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(f"in/{i}.png")
        rows.append((f"{i}.png", "light picture" if light else "dark picture"))
    rows.append(("0.png", "a night"))
    write("in/images.csv", rows)
    write("in/test.csv", rows[:4])
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("in/other.png")


def write(
    path: str, rows: list[tuple[str, str]], header: tuple[str, str] = ("path", "caption")
) -> None:
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_the_model_and_its_scores_are_those_of_python(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --test in/test.csv")
    part = Captioned.read("", Path("in/images.csv"), CaptionColumns())
    assert part.captions[0] == ["dark picture", "a night"]
    same = ImageCaptioner(
        convolutions=4, hidden_size=8, max_epochs=2, random_state=0, batch_size=8
    ).fit(part.images, part.captions)
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    tested = Captioned.read("", Path("in/test.csv"), CaptionColumns())
    rows = [line.split()[:2] for line in told.splitlines()]
    for name, score in same.evaluate(tested.images, tested.captions).items():
        (row,) = [row for row in rows if row[:1] == [name]]
        assert float(row[1]) == pytest.approx(score, rel=1e-3, abs=1e-4)
    for said in (
        "in/images.csv, 12 images with 13 captions\n",
        "4 images\n",
        "6 x 8 pixels, grey\n",
        "caption of the nearest image",
        "convolutions of 4 channels to 3 x 4 places; writes ",
        "unrolled predict model in/images.csv",
        "\nreport  model-plots/report.html\n",
    ):
        assert said in told
    page = Path("model-plots/report.html").read_text()
    assert page.count("data:image/png;base64,") >= 3
    assert "Where it looked" in page


def test_predict_evaluate_and_plot(succeed: Succeed) -> None:
    succeed(f"{TRAIN} --no-report --quiet")
    saved = load("model")
    assert saved.table_ == {"image": "path", "caption": "caption"}
    paths = [f"{i}.png" for i in range(4)]
    written = saved.predict([f"in/{path}" for path in paths])
    lines = ["path,caption", *(f"{p},{text}" for p, text in zip(paths, written, strict=True))]
    assert succeed("predict model in/test.csv").splitlines() == lines
    assert succeed("predict model in/1.png in/2.png").splitlines()[1] == f"in/1.png,{written[1]}"
    assert succeed("predict model in/test.csv --out o.tsv") == "o.tsv: 4 captions\n"
    found = json.loads(succeed("evaluate model in/test.csv --json"))
    part = Captioned.read("", Path("in/test.csv"), CaptionColumns())
    assert found == {"images": 4, "scores": saved.evaluate(part.images, part.captions)}
    drawn = succeed("plot model in/test.csv").splitlines()
    assert drawn[:3] == [
        f"model-plots/{name}.png" for name in ("learning_curve", "captions", "attention-1")
    ]
    assert all(path.read_bytes()[:8] == PNG for path in Path("model-plots").iterdir())


def test_other_columns_and_images_of_several_sizes(succeed: Succeed, run: Run) -> None:
    write("in/named.tsv", [], ("file", "name"))
    rows = "".join(f"{i}.png\tpicture\n" for i in range(4))
    Path("in/named.tsv").write_text(f"file\tname\n{rows}other.png\tnight\n")
    train = TRAIN.replace("images.csv", "named.tsv") + " --image file --caption name --no-report"
    done = run(train)
    assert done.code == 1
    assert "named.tsv line 6: other.png is of 9 x 9 pixels and 0.png of 6 x 8" in done.said
    assert "--image-size" in done.said
    succeed(f"{train} --image-size 6 --validation in/named.tsv --quiet")
    assert load("model").shape_ == (6, 6, 1)


def test_held_out_images_have_all_their_captions(succeed: Succeed) -> None:
    part = Captioned.read("", Path("in/images.csv"), CaptionColumns())
    kept, held = part.held_out(0.25, 1)
    assert (len(kept.paths), len(held.paths)) == (9, 3)
    assert not set(kept.paths) & set(held.paths)
    assert sum(map(len, kept.captions + held.captions)) == 13
    assert "held out" in succeed(f"{TRAIN} --test-fraction 0.25 --no-report")


def test_examples_work_as_they_are_typed(run: Run) -> None:
    rows = [(f"in/{i}.png", "light" if i % 2 else "dark") for i in range(NUM)]
    for name in ("images", "photos", "val", "icons"):
        write(f"{name}.csv", rows)
    lines = "".join(f"{path}\t{text}\n" for path, text in rows)
    Path("icons.tsv").write_text(f"file\tname\n{lines}")
    for name in ("one.png", "two.jpg"):
        Path(name).write_bytes(Path("in/0.png").read_bytes())
    for example in EXAMPLES:
        line = example.removeprefix("unrolled ").replace("--image-size 96", "--image-size 8")
        small = "" if "--convolutions" in line else "--convolutions 4"
        done = run(f"{line.replace('32,64', '4,4')} {small} --hidden-size 8 --max-epochs 1")
        assert done.code == 0, f"{example}: {done.err}"
    done = run("predict model one.png two.jpg")
    assert done.out.count("\n") == 3, predict.CAPTION_EXAMPLES


def test_nearest_images() -> None:
    known = [np.zeros((2, 2), np.uint8), np.full((2, 2), 200, np.uint8)]
    asked = [np.full((2, 2), 120, np.uint8), np.full((2, 2), 20, np.uint8)]
    assert nearest_captions(known, ["dark", "light"], asked, (2, 2, 1)) == ["light", "dark"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("0.png", "a"), ("gone.png", "b")], "x.csv line 3: in/gone.png is not a file"),
        ([("0.png", "a"), ("x.csv", "b")], "x.csv line 3: in/x.csv is no image that can be read"),
        ([("0.png", "a"), ("1.png", "")], "x.csv line 3 has no caption of 1.png"),
        ([("0.png", "a"), ("", "b")], "x.csv line 3 names no image"),
    ],
)
def test_tables_that_cannot_be_read(run: Run, rows: list[tuple[str, str]], says: str) -> None:
    write("in/x.csv", rows)
    done = run("train caption in/x.csv --out fresh")
    assert done.code == 1
    assert says in done.said
    assert not list(Path().glob("fresh*"))


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (f"{TRAIN} --image file", 1, "has no column 'file'; name the right one of path, caption"),
        (f"{TRAIN} --test a.csv --test-fraction 0.2", 2, "both say what to test on"),
        (f"{TRAIN} --patience 2", 2, "--patience needs --validation"),
        ("train caption in/gone.csv", 1, "gone.csv is not a file"),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, line: str, code: int, says: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (code, "")
    assert says in done.said


def test_captions_stay_as_they_are_written_and_an_image_is_one_however_it_is_spelt() -> None:
    paths = ["0.png", "./0.png", str(Path("in/0.png").resolve()), "1.png"]
    write("in/same.csv", list(zip(paths, ["007", "1.50", "x", "2"], strict=True)))
    part = Captioned.read("", Path("in/same.csv"), CaptionColumns())
    assert (part.paths, part.captions) == (["0.png", "1.png"], [["007", "1.50", "x"], ["2"]])


def test_images_are_resized_as_they_are_read() -> None:
    part = Captioned.read("", Path("in/test.csv"), CaptionColumns(), size=(3, 4))
    assert {image.shape for image in part.images} == {(3, 4, 1)}


def test_plot_replaces_no_image_that_it_reads(succeed: Succeed, run: Run) -> None:
    succeed(f"{TRAIN} --quiet")
    Path("in/0.png").rename("in/captions.png")
    before = Path("in/captions.png").read_bytes()
    assert "which is not replaced" in run("plot model in/captions.png --out in").err
    assert Path("in/captions.png").read_bytes() == before
