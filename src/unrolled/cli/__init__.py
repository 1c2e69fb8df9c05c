"""The command line: `unrolled train`, `predict`, `forecast`, `plot` and the others.

What takes long to import is imported by the commands that need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli import backtest, doctor, evaluate, forecast, generate, plot, predict, train
from unrolled.cli.errors import Commands, quiet_pipe
from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.pictures import WithPlot

HELP = paragraphs("""
Recurrent networks for time series, sensors and text: train on a file, predict, forecast, look.

Errors are one line and exit with 1 (wrong usage: 2); UNROLLED_TRACEBACK=1 shows their origin.
""")
EXAMPLES = (
    "unrolled demo",
    "unrolled train classify train.csv --target label --out model",
    "unrolled plot model train.csv",
    "unrolled predict model new.csv --out predictions.csv",
    "unrolled train forecast prices.csv --time date --target price --group symbol",
    "unrolled forecast model --horizon 12 --plot",
)
ORDER = (
    "train", "predict", "evaluate", "generate", "forecast", "backtest", "plot", "demo", "doctor",
)  # fmt: skip
DEMO_HELP = paragraphs("""
Train on data that is built in, and write a report with pictures.

The textbook's random walks, forecasts of real prices and temperatures, handwritten digits, a
language model of Python's reference, and a syntax highlighter that learns.
""")
DEMO_EXAMPLES = ("unrolled demo", "unrolled demo --quick --out report")


class Unrolled(Commands):
    """The commands in the order in which they are used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    cls=Unrolled,
    help=HELP,
    epilog=examples(*EXAMPLES),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code.

    Args:
        arguments: what was typed behind `unrolled`; None takes it from the process.

    Raises:
        SystemExit: always; 0 when all went well, 1 for bad data or a bad model, 2 for wrong usage,
            130 for an interruption.
    """
    with quiet_pipe():
        app(arguments, prog_name="unrolled")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"unrolled {version('unrolled')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="print the version and exit", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of `unrolled` itself."""


app.add_typer(train.app, name="train")
app.command(help=predict.HELP, epilog=predict.EPILOG)(predict.predict)
app.command(help=evaluate.HELP, epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command(help=generate.HELP, epilog=generate.EPILOG)(generate.generate)
app.command(cls=WithPlot, help=forecast.HELP, epilog=forecast.EPILOG)(forecast.forecast)
app.command(cls=WithPlot, help=backtest.HELP, epilog=backtest.EPILOG)(backtest.backtest)
app.command(help=plot.HELP, epilog=plot.EPILOG)(plot.plot)


@app.command(name="demo", help=DEMO_HELP, epilog=examples(*DEMO_EXAMPLES))
def run_demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for report.html")] = Path(
        "unrolled-demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="fewer epochs, to see that it runs")
    ] = False,
) -> None:
    """Hand over to the demonstration."""
    from unrolled.cli.demo import run

    run(out, quick=quick)


app.command(help=doctor.HELP, epilog=doctor.EPILOG)(doctor.doctor)
