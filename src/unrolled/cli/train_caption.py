"""`unrolled train caption`: its options, as typer reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.helptext import paragraphs
from unrolled.cli.train_options import (
    TESTING,
    NoReport,
    Out,
    Quiet,
    ResumeFrom,
    check_tested,
    check_watched,
)

NAME = "caption"
HELP = "Learn to write what images show."
LAYOUT = paragraphs("""
DATA is a table with a line of column names: `path`, the files of images, and `caption`, what they
show, unless --image and --caption name others. Paths are relative to the folder of DATA. An image
that stands on several lines has as many captions, and all are learnt. Images of several sizes need
--image-size. It needs torch and pillow.

The images of --validation, and of --test or --test-fraction, are scored after training, of their
captions the closest; without them the beginning of DATA. Beside the model's scores stand those of
the caption of the training image whose pixels are nearest.

A page with the learning curve, captions beside their images and pictures of where the model looked
is written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train caption images.csv --test-fraction 0.1",
    "unrolled train caption photos.csv --image-size 96 --validation val.csv",
    "unrolled train caption icons.tsv --image file --caption name --unit character",
    "unrolled train caption icons.csv --convolutions 32,64 --shift 0.1 --flip",
)

COLUMNS = "Columns"
Data = Annotated[Path, typer.Argument(metavar="DATA", help="a .csv, .tsv or .parquet file")]
Image = Annotated[
    str, typer.Option(metavar="COLUMN", help="the files of images", rich_help_panel=COLUMNS)
]
Caption = Annotated[
    str, typer.Option(metavar="COLUMN", help="what they show", rich_help_panel=COLUMNS)
]
Validation = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="images to watch instead of a held-out share",
        rich_help_panel=TESTING,
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="images to test the trained model on", rich_help_panel=TESTING
    ),
]
TestFraction = Annotated[
    float,
    typer.Option(
        metavar="NUMBER",
        help="share of the images of DATA to test on instead, at random but the same each time",
        rich_help_panel=TESTING,
    ),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        data: Data,
        out: Out = Path("model"),
        quiet: Quiet = False,
        image: Image = "path",
        caption: Caption = "caption",
        validation: Validation = None,
        test: Test = None,
        test_fraction: TestFraction = 0.0,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.caption_fitting import train
        from unrolled.cli.captioned import CaptionColumns

        check_watched(options, validation=validation is not None)
        check_tested(test_fraction, test=test is not None)
        train(
            data,
            CaptionColumns(image, caption),
            out,
            options,
            validation=validation,
            test=test,
            test_fraction=test_fraction,
            resume_from=resume_from,
            report=not no_report,
            quiet=quiet,
        )

    return run
