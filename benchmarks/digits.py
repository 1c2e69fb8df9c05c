"""Digits, one to one: 5-fold accuracy of `FeedForwardClassifier`, beside scikit-learn's network.

    python benchmarks/digits.py

1,797 images of 8 x 8 pixels that scikit-learn ships, stratified folds in a shuffled order, every
classifier with its own defaults (inputs standardised for both) on the same folds.
"""

from __future__ import annotations

import time

import numpy as np
from machine import describe
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unrolled import FeedForwardClassifier, SequenceClassifier
from unrolled.data import digits


def main() -> None:
    """Print accuracy by fold for each classifier."""
    print(describe())
    images, y = digits()
    table = images.reshape(len(images), -1)
    ways = {
        "FeedForwardClassifier, one to one": (
            table,
            lambda: FeedForwardClassifier(random_state=0, verbose=False),
        ),
        "SequenceClassifier, row by row": (
            images,
            lambda: SequenceClassifier(random_state=0, verbose=False),
        ),
        "scikit-learn MLPClassifier": (
            table,
            lambda: make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=400)),
        ),
    }
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)
    for name, (X, make) in ways.items():
        scores, started = [], time.perf_counter()
        for rows, held in folds.split(table, y):
            scores.append(make().fit(X[rows], y[rows]).score(X[held], y[held]))
        seconds = (time.perf_counter() - started) / len(scores)
        each = " ".join(f"{score:.4f}" for score in scores)
        mean, spread = np.mean(scores), np.std(scores)
        print(f"{name:34} {mean:.4f} (sd {spread:.4f})  {each}  {seconds:.1f} s a fold")


if __name__ == "__main__":
    main()
