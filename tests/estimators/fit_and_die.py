"""Fits that are killed. Usage: fit_and_die.py FOLDER, then one JSON job a line on standard input.

A job is {"case": name, "checkpoints": bool, "resume": bool, "dies_after": seconds or null}: a child
process fits the case; the system ends it after so many seconds of its own processor time, which
pass alike on an idle machine and on a busy one, or lets it be where there is null. The signal,
SIGPROF, has no handler: nothing of the process runs after it, as after SIGKILL. The answer is a
line: "done" or "killed". Children are forked from one process that has imported everything and
has trained nothing, since importing takes longer than fitting.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import FeedForwardRegressor, SequenceClassifier

CHECKPOINT = "run.checkpoint"


def case(name: str) -> tuple[Any, Any, Any]:
    """An estimator that trains for some tenths of a second, with its data."""
    rng = np.random.default_rng(0)
    if name == "table":
        X = rng.normal(size=(1000, 5))
        model: Any = FeedForwardRegressor(
            dropout=0.2, optimizer="sgd", schedule="one_cycle", max_epochs=60, batch_size=16
        )
        return model, X, np.sin(X).sum(axis=1)
    lengths = rng.integers(2, 10, 160)
    sequences = [rng.normal(size=(T, 2)) for T in lengths]
    y = ["up" if x.sum() > 0 else "down" for x in sequences]
    model = SequenceClassifier(
        hidden_size=8,
        num_layers=2,
        bidirectional=True,
        dropout=0.3,
        schedule="cosine",
        learning_rate=0.01,
        validation_fraction=0.2,
        patience=60,
        max_epochs=60,
        batch_size=8,
        class_weight={"up": 2.0},
    )
    return model, sequences, y


def fit(name: str, *, resume: bool, saves: bool, folder: Path) -> None:
    """Fit a case and write what came of it as result.json."""
    model, X, y = case(name)
    checkpoint = folder / CHECKPOINT
    model.set_params(random_state=3, checkpoint_seconds=0.0)
    model.set_params(checkpoint=checkpoint if saves else None)
    started = time.process_time()
    model.fit(X, y, resume_from=checkpoint if resume else None)
    result = {
        "weights": model.weights_.tobytes().hex(),
        "history": [{**record, "seconds": 0} for record in model.history_],
        "predictions": model.predict(X).tolist(),
        "seconds": time.process_time() - started,
    }
    (folder / "result.json").write_text(json.dumps(result))


def serve(folder: Path) -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            if job["dies_after"] is not None:
                signal.setitimer(signal.ITIMER_PROF, job["dies_after"])
            try:
                fit(job["case"], resume=job["resume"], saves=job["checkpoints"], folder=folder)
            except BaseException:  # noqa: BLE001 - a child must not go on as the server
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        ends = {0: "done", -signal.SIGPROF: "killed"}
        print(ends.get(os.waitstatus_to_exitcode(status), "failed"), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
