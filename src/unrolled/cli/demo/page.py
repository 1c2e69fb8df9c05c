"""The demo's report: what was learnt, in pictures, tables and a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unrolled import plots
from unrolled.cli.demo.images import Digits
from unrolled.cli.demo.series import Forecasts, states_over_time
from unrolled.cli.demo.text_page import highlighter_section, reference_section
from unrolled.cli.demo.texts import Highlighter, Reference
from unrolled.cli.demo.walks import EPOCHS, LEARNING_RATE, LEAST_ERROR, Walks
from unrolled.cli.report import Picture, Section, Table, write_report

# Steps of a series that its picture shows before the held-out part, and of it.
SHOWN = {"USD": (48, 25), "°F": (24, 48)}


def write_page(
    path: Path,
    walks: Sequence[Walks],
    series: Sequence[Forecasts],
    digits: Sequence[Digits],
    reference: Reference,
    highlighter: Highlighter,
    more: Sequence[Section] = (),
) -> None:
    """Write the report of a demo as one HTML file, whole or not at all."""
    sections = [
        _walks_section(walks),
        *(_series_section(forecasts) for forecasts in series),
        _states_section(series[-1]),
        _digits_section(digits),
        reference_section(reference),
        highlighter_section(highlighter),
        *more,
    ]
    write_report(
        path,
        "Recurrent networks learn from sequences",
        sections,
        "Random walks, share prices, temperatures, handwritten digits, texts and source code, "
        "trained on this machine",
    )


def walks_table(walks: Sequence[Walks]) -> Table:
    """The textbook example at each number of samples."""
    return Table(
        (
            "samples",
            "before training",
            "after training",
            "on new walks",
            "repeat last value",
            "fit, ms",
        ),
        [
            (
                w.num_samples,
                round(w.before, 4),
                round(w.after, 4),
                round(w.new, 4),
                round(w.repeat_last, 4),
                round(1000 * w.seconds, 1),
            )
            for w in walks
        ],
        f"Mean squared error; the least that any model can expect is {LEAST_ERROR}",
    )


def series_table(series: Sequence[Forecasts]) -> Table:
    """Errors of the forecasts, a row for each method."""
    return Table(
        ("series", "method", "mean absolute error", "unit"),
        [
            (f.series, method, round(error, 3), f.unit)
            for f in series
            for method, error in f.errors.items()
        ],
        "One step ahead, on the last fifth of the time, which no method was fitted on",
    )


def digits_table(digits: Sequence[Digits]) -> Table:
    """Accuracy of the classifiers."""
    return Table(
        ("the network reads", "accuracy", "seconds"),
        [(d.shape, round(d.accuracy, 3), round(d.seconds, 1)) for d in digits],
        f"Digits, {digits[0].num_held_out} held-out images",
    )


def _walks_section(walks: Sequence[Walks]) -> Section:
    first, last = walks[0], walks[-1]
    shapes = "; ".join(f"{name} {list(shape)}" for name, shape in first.shapes.items())
    return Section(
        "The textbook example: random walks",
        (
            (
                "A walk starts at a number between -1 and 1 and takes three steps drawn from "
                "normal(0, 0.1). The network reads the first three values one after the other and "
                "forecasts the fourth plus one more such step. It has 64 tanh units, "
                "h_t = tanh(W_ih x_t + W_hh h_{t-1} + b), and one output, and is trained on the "
                f"squared error by Adam at a learning rate of {LEARNING_RATE:g} for {EPOCHS} "
                "epochs."
            ),
            (
                f"The whole fit of {first.num_samples} samples took {1000 * first.seconds:.1f} "
                f"milliseconds, that of {last.num_samples:,} samples {last.seconds:.2f} seconds, "
                f"by this engine: {first.model.explain().splitlines()[0].removeprefix('fit: ')}."
            ),
            f"Shapes at {first.num_samples} samples: {shapes}.",
            walks_table(walks),
            (
                "The target lies two steps of variance 0.01 after the last input, so that no model "
                f"can have an expected error below {LEAST_ERROR} on walks that it has not seen. "
                f"Ten samples can be learnt by heart: their error ends at {first.after:.4f}, and "
                f"that on new walks at {first.new:.4f}. A thousand cannot, and both errors then "
                "lie near the least: more samples raise the first error and lower the second."
            ),
            Picture(
                plots.unrolled_diagram(first.model.spec_.to_config(), steps=3, length=3),
                "The network unrolled over three time steps, with the names and shapes of its "
                "weights",
                "The network, unrolled over the three values that it reads.",
            ),
            *(
                Picture(
                    plots.learning_curve(
                        w.history,
                        title=f"{w.num_samples:,} random walks",
                        baseline={"least expected on new walks": LEAST_ERROR},
                        quantity="mean squared error",
                    ),
                    f"Learning curve at {w.num_samples} samples, from {w.before:.2f} to "
                    f"{w.after:.4f}",
                )
                for w in (walks if len(walks) == 1 else (first, last))
            ),
        ),
    )


def _series_section(f: Forecasts) -> Section:
    before, held = SHOWN[f.unit]
    start, stop = f.held_out_from - before, f.held_out_from + held
    best = min(f.errors, key=lambda method: f.errors[method])
    return Section(
        {"USD": "Share prices, month by month", "°F": "Temperatures, hour by hour"}[f.unit],
        (
            _ABOUT[f.unit],
            Table(
                ("method", "mean absolute error", "unit"),
                [(method, round(error, 3), f.unit) for method, error in f.errors.items()],
                "One step ahead, on the last fifth of the time",
            ),
            f"The method with the least error: {best}.",
            Picture(
                plots.forecast(
                    f.times[start:stop],
                    f.truth[start:stop],
                    {
                        method: values[: stop - f.held_out_from]
                        for method, values in f.predictions.items()
                    },
                    held_out_from=f.held_out_from - start,
                    quantity="price" if f.unit == "USD" else "temperature",
                    unit=f.unit,
                    title=f"{f.title}: one step ahead",
                ),
                f"Values and forecasts of {f.title}; the held-out part is shaded",
            ),
            Picture(
                plots.learning_curve(f.model.history_, title="Learning curve"),
                "Training loss by epoch",
                (
                    "The loss in units of the target's variance: 1 is what the mean alone reaches, "
                    f"and it ends at {f.model.history_[-1]['train_loss']:.2f}."
                ),
            ),
        ),
    )


def _states_section(f: Forecasts) -> Section:
    states, times = states_over_time(f)
    return Section(
        "What the network remembers",
        (
            (
                f"The {states.shape[1]} hidden units of the temperature network over "
                f"{len(states)} held-out hours, read as one sequence. Units of like course lie "
                "side by side; red is near 1, blue near -1."
            ),
            Picture(
                plots.hidden_states(
                    states, steps=times, order="similarity", title="Hidden states", step_name="time"
                ),
                "Heat map of hidden states over time, a unit a row",
            ),
        ),
    )


def _digits_section(digits: Sequence[Digits]) -> Section:
    pictures = [
        Picture(
            plots.confusion_matrix(d.confusion, [str(i) for i in range(10)], title=d.shape),
            f"Confusion matrix of the classifier that reads the {d.shape}",
        )
        for d in digits
    ]
    recurrent = digits[-1]
    states = recurrent.model.hidden_states([recurrent.sample])[0]
    return Section(
        "Handwritten digits: one to one and many to one",
        (
            (
                "The same 8 x 8 images, seen at once by a feed-forward network, and row by row, as "
                "a sequence of 8 steps, by a recurrent one."
            ),
            digits_table(digits),
            *pictures,
            Picture(
                plots.hidden_states(
                    states,
                    steps=[f"row {i}" for i in range(1, len(states) + 1)],
                    order="peak",
                    title=f"Reading a {recurrent.label}",
                    step_name="row of the image",
                ),
                "Hidden states of the recurrent classifier while it reads one image",
                f"64 units while an image of a {recurrent.label} is read from top to bottom.",
            ),
        ),
    )


_ABOUT = {
    "USD": "Monthly prices of five companies from 2000 to 2010, forecast one month ahead from the "
    "twelve before, by one network of 16 gated units for all. It reads logarithms relative to the "
    "last price. The errors are over all five companies; the picture shows one. Prices are close "
    "to random walks: the last price is a forecast that is hard to beat.",
    "°F": "Hourly temperatures of a year in Seattle, smooth values as climate normals are, "
    "forecast one hour ahead by 32 gated units. The network reads by how much each of the last 24 "
    "hours was warmer than the same hour a day earlier, and forecasts that difference.",
}
