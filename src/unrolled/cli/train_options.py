"""Options that the commands of `unrolled train` share, and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

TESTING, SAVING = "Testing", "Saving a running fit"
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "--output",
        "--model",
        metavar="DIR",
        help="folder to save the model to; an old model is replaced",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")]
ResumeFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="checkpoint of a stopped run with the same options and data, to go on from",
        rich_help_panel=SAVING,
    ),
]
NoReport = Annotated[
    bool,
    typer.Option("--no-report", help="write no page of pictures", rich_help_panel=TESTING),
]


def check_tested(test_fraction: float, *, test: bool) -> None:
    """Check what is tested on.

    Raises:
        typer.BadParameter: It is said twice, or the share is none.
    """
    if test and test_fraction:
        raise typer.BadParameter("--test and --test-fraction both say what to test on")
    if not 0.0 <= test_fraction < 1.0:
        raise typer.BadParameter(f"--test-fraction must be from 0 to below 1: {test_fraction}")


def check_watched(options: Mapping[str, Any], *, validation: bool) -> None:
    """Check what is watched in training, where files can be given for it.

    Raises:
        typer.BadParameter: It is said twice, or patience has nothing to watch.
    """
    if validation and options["validation_fraction"]:
        raise typer.BadParameter("--validation and --validation-fraction both say what to watch")
    if options["patience"] is not None and not (validation or options["validation_fraction"]):
        raise typer.BadParameter(
            "--patience needs --validation or --validation-fraction, something to watch"
        )
