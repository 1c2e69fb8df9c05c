"""Accuracy on UCR and UEA problems: `SequenceClassifier` beside torch.nn and published figures.

    UNROLLED_DATA=folder python benchmarks/ucr.py [--seeds 5] [--select]

Default train and test parts. The arguments were chosen by cross-validation inside the training
parts (`--select` prints it); the test parts are only scored. The comparators are the same network
and recipe as a plain torch.nn program, and scikit-learn's nearest neighbour and logistic regression
on the same standardised values, padded with zeros.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from machine import describe, shuffled
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

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
    theirs = [by_torch(problem, CHOSEN[name], seed) for seed in range(seeds)]
    each = " ".join(f"{value:.4f}" for value, _ in theirs)
    accuracy = [value for value, _ in theirs]
    print(
        f"  torch.nn loop        {np.mean(accuracy):.4f} (sd {np.std(accuracy, ddof=1):.4f})  "
        f"{each}  {np.median([taken for _, taken in theirs]):.1f} s a fit"
    )
    train, test = (pad(as_sequences(X))[0].reshape(len(X), -1) for X in _same_length(problem))
    for other in (KNeighborsClassifier(1), LogisticRegression(max_iter=5000)):
        fitted = make_pipeline(StandardScaler(), other).fit(train, problem.y_train)
        print(f"  {type(other).__name__:20} {fitted.score(test, problem.y_test):.4f}")
    print(f"  published            {PUBLISHED[name]}")


def by_torch(problem: TimeSeriesProblem, chosen: dict[str, Any], seed: int) -> tuple[float, float]:
    """Test accuracy and seconds of the same network and recipe in plain torch, on one thread."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    both, epochs = chosen.get("bidirectional", False), chosen["max_epochs"]
    flat = np.concatenate(problem.X_train)
    scale = flat.mean(axis=0), flat.std(axis=0)
    X, X_test = (
        [torch.tensor((x - scale[0]) / scale[1], dtype=torch.float32) for x in part]
        for part in (problem.X_train, problem.X_test)
    )
    labels = sorted(set(problem.y_train))
    y, y_test = (
        torch.tensor([labels.index(label) for label in part])
        for part in (problem.y_train, problem.y_test)
    )
    gru = nn.GRU(flat.shape[1], 64, bidirectional=both)
    head = nn.Linear(128 if both else 64, len(labels))
    parameters = [*gru.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=chosen.get("learning_rate", 1e-3), fused=True)
    steps = epochs * -(-len(X) // 32)
    falls = chosen.get("schedule") == "cosine"
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps if falls else 10**9)

    def scores(rows: list[torch.Tensor]) -> torch.Tensor:
        output, h = gru(nn.utils.rnn.pack_sequence(rows, enforce_sorted=False))
        if chosen.get("pooling") != "max":
            return head(h[-1])
        padded, _ = nn.utils.rnn.pad_packed_sequence(output, padding_value=-torch.inf)
        return head(padded.amax(dim=0))

    started = time.perf_counter()
    for _ in range(epochs):
        for rows in shuffled(len(X), 32):
            loss = nn.functional.cross_entropy(scores([X[i] for i in rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        return float((scores(X_test).argmax(dim=1) == y_test).float().mean()), seconds


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
