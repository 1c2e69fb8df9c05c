from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.text import Text

from unrolled.plots import unrolled_diagram
from unrolled.plots.diagram_network import read_config
from unrolled.plots.style import ORANGE, SKY, VERMILLION
from unrolled.runtime.spec import Dense, Recurrent, Spec


def spec(
    cell: str = "gru", *, pooling: str = "last", embedding_size: int = 0, **recurrent: Any
) -> Spec:
    layers = Recurrent(cell, **({"hidden_size": 64} | recurrent))
    return Spec(3, 2, "point", embedding_size, recurrent=layers, pooling=pooling)


SPECS = {
    "textbook": (Spec(1, 1, "point", recurrent=Recurrent("rnn", 64)), {"length": 3}),
    "gru": (spec(), {}),
    "one step": (spec("lstm"), {"length": 1}),
    "lstm, mean": (spec("lstm", num_layers=2, dropout=0.2, pooling="mean"), {}),
    "four layers": (spec("rnn", num_layers=4, pooling="max"), {"steps": 2}),
    "many layers, many steps": (spec(num_layers=37, hidden_size=1024), {"steps": 99}),
    "long sequence": (spec("lstm", num_layers=5), {"length": 123456, "steps": 5}),
    "both directions": (spec(bidirectional=True), {}),
    "both directions, folded": (spec("lstm", bidirectional=True), {"length": 2}),
    "both directions, mean": (
        spec("lstm", bidirectional=True, num_layers=3, pooling="mean"),
        {"length": 4},
    ),
    "both directions, many layers": (spec(bidirectional=True, num_layers=9, pooling="max"), {}),
    "tokens": (spec("lstm", embedding_size=16, num_layers=2), {}),
    "tokens, both directions, folded": (
        spec(embedding_size=16, num_layers=2, bidirectional=True, pooling="mean"),
        {"length": 2},
    ),
    "large": (
        Spec(123456, 123456, "class", 1024, recurrent=Recurrent("lstm", 8192, num_layers=2)),
        {},
    ),
    "dense layers on top": (
        Spec(3, 9, "class", hidden=(Dense(32), Dense(16, "tanh")), recurrent=Recurrent("rnn", 20)),
        {},
    ),
    "dense layers on a mean": (
        Spec(3, 9, "class", hidden=(Dense(32),), recurrent=Recurrent("gru", 20), pooling="mean"),
        {"steps": 2},
    ),
    "every step": (spec("gru", pooling="every"), {}),
    "every step, both directions, dense layers": (
        Spec(
            *(3, 9, "point"),
            hidden=(Dense(32), Dense(16, "tanh")),
            pooling="every",
            recurrent=Recurrent("lstm", 20, num_layers=2, bidirectional=True),
        ),
        {"length": 4},
    ),
    "one dense layer": (Spec(64, 10, "class", hidden=(Dense(100),)), {}),
    "linear": (Spec(1, 1, "point"), {}),
    "many dense layers": (
        Spec(64, 10, "class", hidden=tuple(Dense(2**k, "tanh") for k in range(1, 12))),
        {},
    ),
}
WHOLE = [name for name in SPECS if "many" not in name and name != "long sequence"]


@cache
def draw(name: str) -> Figure:
    description, options = SPECS[name]
    return unrolled_diagram(description.to_config(), title="The network", **options)  # type: ignore[arg-type]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # type: ignore[attr-defined]


def arrow_points(figure: Figure) -> np.ndarray:
    """Points [n, 2] in pixels, close together, along all arrows."""
    ax = figure.axes[0]
    lines = [
        Path(line).interpolated(60).vertices
        for patch in ax.patches
        if isinstance(patch, FancyArrowPatch)
        for line in patch._path_original.to_polygons(ax.transData, closed_only=False)  # type: ignore[attr-defined]
    ]
    return np.concatenate(lines)


def boxes(figure: Figure) -> np.ndarray:
    """Places [n, (x0, y0, x1, y1)] in pixels."""
    ax = figure.axes[0]
    corners = [
        [
            (patch.get_x(), patch.get_y()),
            (patch.get_x() + patch.get_width(), patch.get_y() + patch.get_height()),
        ]
        for patch in ax.patches
        if isinstance(patch, FancyBboxPatch)
    ]
    return ax.transData.transform(np.array(corners).reshape(-1, 2)).reshape(-1, 4)


def overlap(place: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the others [n, 4] share an area with a place [4]."""
    return ((others[:, :2] < place[2:]) & (others[:, 2:] > place[:2])).all(axis=1)


@pytest.mark.parametrize("name", SPECS)
def test_nothing_overlaps_or_is_cut(name: str, collisions: Any) -> None:
    figure = draw(name)
    assert collisions(figure) == []
    nodes, points = boxes(figure), arrow_points(figure)
    for text in figure.axes[0].texts:
        place = text.get_window_extent().padded(-1).extents
        inside = nodes[overlap(place, nodes)]
        assert len(inside) <= 1, text.get_text()
        for node in inside:
            slack = np.array([0, 3])  # arrows over letters
            assert (place[:2] >= node[:2] - slack).all(), text.get_text()
            assert (place[2:] <= node[2:] + slack).all(), text.get_text()
        if len(inside) == 0 and text.get_text() not in "⋯⋮":
            crossed = ((points > place[:2]) & (points < place[2:])).all(axis=1)
            assert not crossed.any(), text.get_text()
    assert (nodes > 0).all()
    assert (nodes[:, 2:] < figure.bbox.extents[2:]).all()
    for index, node in enumerate(nodes):
        assert not overlap(node, nodes[:index]).any()


@pytest.mark.parametrize("name", WHOLE)
def test_each_weight_is_named_once_with_its_shape(name: str) -> None:
    description, _ = SPECS[name]
    written = " | ".join(texts(draw(name))).replace("\n", " ")
    for parameter, shape in description.parameter_shapes().items():
        if parameter.endswith("weight") or ".weight" in parameter:
            label = f"{parameter.removeprefix('recurrent.')} {list(shape)}"
            assert written.count(label) == 1, label


@pytest.mark.parametrize("name", SPECS)
def test_shapes_and_number_of_parameters_are_those_of_the_description(name: str) -> None:
    description, _ = SPECS[name]
    expected = {
        parameter.removeprefix("recurrent."): shape
        for parameter, shape in description.parameter_shapes().items()
    }
    network = read_config(description.to_config())
    assert list(network.shapes().items()) == list(expected.items())
    written = " ".join(texts(draw(name)))
    assert f"{description.num_parameters:,} parameters" in written


def test_embedded_columns_widen_what_the_first_layer_reads() -> None:
    description = Spec(
        5, 2, "point", recurrent=Recurrent("gru", 3, num_layers=2), categories=((4, 2), (9, 6))
    )
    config = description.to_config()
    assert list(read_config(config).shapes().values()) == list(
        description.parameter_shapes().values()
    )
    written = " ".join(text.get_text() for text in unrolled_diagram(config).axes[0].texts)
    assert f"{description.num_parameters:,} parameters" in written
    before = {name: value for name, value in config.items() if name != "categories"}
    assert read_config(before).shapes()["weight_ih_l0"] == (9, 5)


def test_time_runs_to_the_right_and_up_to_the_head() -> None:
    figure = unrolled_diagram(spec().to_config(), length=3, steps=3)
    place = {t.get_text(): t.get_position() for t in figure.axes[0].texts}
    x = [place[f"$x_{{{t}}}$"] for t in (1, 2, 3)]
    h = [place[f"$h_{{{t}}}$"] for t in (1, 2, 3)]
    assert x[0][0] < x[1][0] < x[2][0]
    assert [a for a, _ in x] == [a for a, _ in h]
    assert x[0][1] < h[0][1]
    outputs = [t.get_position() for t in figure.axes[0].texts if t.get_text() == r"$\hat{y}$"]
    assert (max(a for a, _ in outputs), min(b for _, b in outputs) > h[0][1]) == (x[2][0], True)
    assert "⋯" not in place


def test_steps_left_out_are_dots_before_the_last_one() -> None:
    names = texts(unrolled_diagram(spec().to_config(), steps=4))
    assert [t for t in names if t.startswith("$x")][:4] == [
        "$x_{1}$",
        "$x_{2}$",
        "$x_{3}$",
        "$x_{T}$",
    ]
    assert names.count("⋯") == 2  # in the row of inputs and in that of states
    names = texts(unrolled_diagram(spec().to_config(), steps=3, length=50))
    assert "$x_{50}$" in names
    assert "$x_{3}$" not in names


def test_layers_are_stacked_and_those_left_out_are_named() -> None:
    names = texts(unrolled_diagram(spec(num_layers=37).to_config()))
    assert "l2 to l35: 34 more alike" in names
    assert any("weight_ih_l36" in name for name in names)
    assert not any("weight_ih_l20" in name for name in names)
    assert not any(
        "alike" in name for name in texts(unrolled_diagram(spec(num_layers=4).to_config()))
    )


def arrows(figure: Figure, colour: str) -> np.ndarray:
    """Start and end x of the straight arrows of one colour."""
    found = [
        patch._path_original.vertices[[0, -1], 0]  # type: ignore[attr-defined]
        for patch in figure.axes[0].patches
        if isinstance(patch, FancyArrowPatch)
        and patch.get_edgecolor() == to_rgba(colour)
        and len(patch._path_original.vertices) == 2  # type: ignore[attr-defined]
    ]
    return np.array(found)


def test_the_reverse_direction_runs_to_the_left_in_its_own_row() -> None:
    figure = unrolled_diagram(spec(bidirectional=True).to_config())
    forward, reverse = arrows(figure, VERMILLION), arrows(figure, ORANGE)
    assert len(forward) == len(reverse) == 5  # from zero, 1-2, 2-3, 3-dots, dots-T
    assert (forward[:, 1] > forward[:, 0]).all()
    assert (reverse[:, 1] < reverse[:, 0]).all()
    assert len(arrows(figure, SKY)) == 4
    heights = {
        t.get_position()[1] for t in figure.axes[0].texts if t.get_text().startswith("$\\over")
    }
    assert len(heights) == 2


@pytest.mark.parametrize(
    ("pooling", "bidirectional", "text"),
    [
        ("mean", False, "mean over the steps"),
        ("max", False, "maximum of each unit over the steps"),
        ("mean", True, "mean over the steps"),
        ("last", True, "last states"),
    ],
)
def test_pooling_is_shown(pooling: str, bidirectional: bool, text: str) -> None:
    figure = unrolled_diagram(spec(pooling=pooling, bidirectional=bidirectional).to_config())
    assert any(name.startswith(text) for name in texts(figure))


def test_the_last_state_needs_no_pooling_bar() -> None:
    assert not any("over the steps" in name for name in texts(unrolled_diagram(spec().to_config())))


def test_the_folded_network_stands_beside_where_there_is_room() -> None:
    assert "=" in texts(draw("gru"))
    assert "GRU\n64 units" in texts(draw("gru"))
    assert "=" not in texts(draw("both directions"))
    assert "=" in texts(draw("both directions, folded"))


def test_words_say_what_goes_in_and_comes_out() -> None:
    names = texts(draw("large"))
    assert "token, 1 of 123,456" in names
    assert "1024 values a step" in names
    assert "probabilities of\n123,456 classes" in names
    assert "3 values a step" in texts(draw("gru"))
    assert "2 numbers" in texts(draw("gru"))


def test_the_equation_names_the_nonlinearity() -> None:
    for nonlinearity, written in (("tanh", r"\tanh"), ("relu", r"\mathrm{relu}")):
        figure = unrolled_diagram(spec("rnn", nonlinearity=nonlinearity).to_config())
        assert any(written in name and "W_{hh}" in name for name in texts(figure))
    assert any("4 gates (i, f, g, o) × 64 units = 256" in name for name in texts(draw("one step")))


@pytest.mark.parametrize("name", SPECS)
def test_no_picture_is_too_wide_for_a_page(name: str) -> None:
    assert draw(name).get_figwidth() < 13


def test_errors_say_what_is_wrong() -> None:
    config = spec().to_config()
    with pytest.raises(ValueError, match="steps must be at least 2, got 1"):
        unrolled_diagram(config, steps=1)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        unrolled_diagram(config, length=0)
    with pytest.raises(ValueError, match="spec_config lacks 'head'"):
        unrolled_diagram({k: v for k, v in config.items() if k != "head"})
    with pytest.raises(ValueError, match="cell must be one of rnn, gru, lstm, got 'elman'"):
        unrolled_diagram(config | {"recurrent": config["recurrent"] | {"cell": "elman"}})
    with pytest.raises(
        ValueError, match="pooling must be one of last, mean, max, every, got 'sum'"
    ):
        unrolled_diagram(config | {"pooling": "sum"})
