"""Accuracy on UCR and UEA problems: `SequenceClassifier` beside torch.nn and published figures.

    UNROLLED_DATA=folder python benchmarks/ucr.py [--seeds 5] [--select]

Default train and test parts. The arguments were chosen by cross-validation inside the training
parts (`--select` prints it); the test parts are only scored. The comparators are scikit-learn's
nearest neighbour and logistic regression on the same standardised values, padded with zeros.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from machine import describe
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unrolled import SequenceClassifier
from unrolled.data import TimeSeriesProblem, as_sequences, pad, ucr

CHOSEN: dict[str, dict[str, Any]] = {
    "JapaneseVowels": {
        "bidirectional": True,
        "pooling": "max",
        "learning_rate": 3e-3,
        "max_epochs": 40,
    },
    "ItalyPowerDemand": {"max_epochs": 80, "schedule": "cosine"},
}
CONSIDERED: dict[str, list[dict[str, Any]]] = {
    "JapaneseVowels": [
        {"max_epochs": 40},
        {"max_epochs": 40, "bidirectional": True, "learning_rate": 3e-3},
        {"max_epochs": 40, "bidirectional": True, "pooling": "mean", "learning_rate": 3e-3},
        {
            "max_epochs": 40,
            "bidirectional": True,
            "pooling": "max",
            "learning_rate": 3e-3,
            "cell": "lstm",
        },
    ],
    "ItalyPowerDemand": [
        {"max_epochs": 50},
        {"max_epochs": 60, "schedule": "cosine"},
        {"max_epochs": 60, "schedule": "one_cycle", "learning_rate": 3e-3, "hidden_size": 32},
        {"max_epochs": 60, "schedule": "one_cycle", "learning_rate": 3e-3, "cell": "lstm"},
        {"max_epochs": 60, "schedule": "one_cycle", "learning_rate": 3e-3, "bidirectional": True},
    ],
}
# Source: F. Karim and others, LSTM-FCN and MLSTM-FCN (titu1994/LSTM-FCN, titu1994/MLSTM-FCN);
# A. Dempster and others, ROCKET (angus924/rocket); H. Ismail Fawaz and others (dl-4-tsc).
PUBLISHED = {
    "JapaneseVowels": "MLSTM-FCN 1.00, LSTM-FCN 0.99, FCN 0.993, MLP 0.976",
    "ItalyPowerDemand": "ROCKET 0.970, LSTM-FCN 0.962, FCN 0.961, MLP 0.954",
}


def score(problem: TimeSeriesProblem, name: str, seeds: int) -> None:
    """Print the accuracy of each seed on the test part, and of the comparators."""
    scores, seconds = [], []
    for seed in range(seeds):
        started = time.perf_counter()
        model = SequenceClassifier(**CHOSEN[name], random_state=seed, verbose=False)
        model.fit(problem.X_train, problem.y_train)
        seconds.append(time.perf_counter() - started)
        scores.append(model.score(problem.X_test, problem.y_test))
    each = " ".join(f"{value:.4f}" for value in scores)
    print(
        f"  SequenceClassifier   {np.mean(scores):.4f} (sd {np.std(scores, ddof=1):.4f})  {each}  "
        f"{model.spec_.num_parameters:,} parameters, {np.median(seconds):.1f} s a fit"
    )
    train, test = (pad(as_sequences(X))[0].reshape(len(X), -1) for X in _same_length(problem))
    for other in (KNeighborsClassifier(1), LogisticRegression(max_iter=5000)):
        fitted = make_pipeline(StandardScaler(), other).fit(train, problem.y_train)
        print(f"  {type(other).__name__:20} {fitted.score(test, problem.y_test):.4f}")
    print(f"  published            {PUBLISHED[name]}")


def _same_length(problem: TimeSeriesProblem) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Both parts with zeros behind each sequence up to the longest of all."""
    longest = max(len(x) for x in [*problem.X_train, *problem.X_test])
    return tuple(  # type: ignore[return-value]
        [np.pad(x, ((0, longest - len(x)), (0, 0))) for x in X]
        for X in (problem.X_train, problem.X_test)
    )


def select(problem: TimeSeriesProblem, name: str) -> None:
    """Print accuracy and log loss of each considered set of arguments, training part only."""
    y = np.asarray(problem.y_train)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    for arguments in [CHOSEN[name], *CONSIDERED[name]]:
        found = []
        for seed, (rows, held) in enumerate(folds.split(y, y)):
            model = SequenceClassifier(**arguments, random_state=seed, verbose=False)
            model.fit([problem.X_train[i] for i in rows], y[rows])
            found.append(model.evaluate([problem.X_train[i] for i in held], y[held]))
        accuracy = np.mean([scores["accuracy"] for scores in found])
        log_loss = np.mean([scores["log_loss"] for scores in found])
        print(f"  {accuracy:.4f}  log loss {log_loss:.4f}  {arguments}", flush=True)


def main() -> None:
    """Print selection or test accuracy of each problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--select", action="store_true", help="cross-validate, leave the test part")
    parser.add_argument("--problem", choices=list(CHOSEN), nargs="+", default=list(CHOSEN))
    arguments = parser.parse_args()
    print(describe())
    for name in arguments.problem:
        problem = ucr(name)
        print(f"{name}: {len(problem.X_train)} training, {len(problem.X_test)} test sequences")
        if arguments.select:
            select(problem, name)
        else:
            score(problem, name, arguments.seeds)


if __name__ == "__main__":
    main()
