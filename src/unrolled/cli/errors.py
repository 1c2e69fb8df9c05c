"""Errors, warnings and interruptions of the command line: one line each, and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

# Bad data, a bad model or a missing extra; anything else is a fault of the program and is not
# caught. Wrong usage is typer's own, which exits with 2.
EXPECTED = (ValueError, TypeError, OSError, ArithmeticError, ImportError, MemoryError)
FAILED, INTERRUPTED = 1, 130


class Commands(TyperGroup):
    """A group of commands whose errors are one line."""

    def invoke(self, ctx: Any) -> Any:
        with one_line():
            return super().invoke(ctx)


@contextmanager
def one_line() -> Iterator[None]:
    """Print what goes wrong as `error: ...` on standard error and exit with 1.

    A keyboard interrupt exits with 130. The environment variable UNROLLED_TRACEBACK=1 lets errors
    through.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _print_warning
        try:
            yield
        except BrokenPipeError:
            raise
        except KeyboardInterrupt as error:
            print("; ".join(("interrupted", *map(str, error.args))), file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from error
        except EXPECTED as error:
            if os.environ.get("UNROLLED_TRACEBACK") == "1":
                raise
            print(f"error: {sentence(error)}", file=sys.stderr)
            raise typer.Exit(FAILED) from error


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """Exit without a word when nobody reads the last of standard output; typer does the rest."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError as error:
        # The interpreter flushes standard output once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from error


def sentence(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError) and error.strerror is not None:
        where = "" if error.filename is None else f"{os.fspath(error.filename)}: "
        return f"{where}{error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"warning: {' '.join(str(message).split())}", file=file or sys.stderr)
