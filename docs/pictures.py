"""Draws the pictures of the tutorial into docs/images: `python docs/pictures.py`."""

from __future__ import annotations

from pathlib import Path

from unrolled import SequenceRegressor, plots
from unrolled.data import random_walk

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Train as the tutorial does and draw."""
    X, y = random_walk(num_samples=10, sequence_length=4, random_state=0)
    model = SequenceRegressor(
        cell="rnn", max_epochs=50, learning_rate=0.01, standardize=False, random_state=0
    ).fit(X, y)
    figures = {
        "unrolled": plots.unrolled_diagram(model.spec_.to_config(), steps=3, length=3),
        "learning_curve_10": plots.learning_curve(
            model.history_,
            title="10 random walks",
            baseline={"least expected on new walks": 0.02},
            quantity="mean squared error",
        ),
    }
    IMAGES.mkdir(exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(IMAGES / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
