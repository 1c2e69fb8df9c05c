"""Saves a model in child processes that end, without any clean-up, in front of every single
operation on the file system in turn; what lies on the disk then must be the old or the new model.

Usage: crash_while_saving.py FOLDER. Prints for each scenario how many places it has ended in.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.runtime import artifact
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact

OLD, NEWER, NEWEST = ({"step": i} for i in range(3))
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")


def arrays(content: dict[str, int]) -> dict[str, np.ndarray]:
    return {"w": np.full((3, 4), float(content["step"]), np.float32)}


def save(path: Path, content: dict[str, int]) -> None:
    save_artifact(path, content, arrays(content))


def read(path: Path) -> dict[str, int]:
    content, found = load_artifact(path)
    np.testing.assert_array_equal(found["w"], arrays(content)["w"])
    return content


def nothing(path: Path) -> None:
    pass


def empty(path: Path) -> None:
    path.mkdir()


def saved(path: Path) -> None:
    save(path, OLD)


def interrupted(path: Path) -> None:
    # The state between the last two steps of a writer: new config.json, new tensors under the
    # second name, old tensors under the first.
    save(path, OLD)
    old = (path / artifact.TENSORS).read_bytes()
    save(path, NEWER)
    (path / artifact.TENSORS).rename(path / artifact.NEXT_TENSORS)
    (path / artifact.TENSORS).write_bytes(old)
    assert read(path) == NEWER


def end_at(place: int, inside: Path) -> None:
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1] != "r"
        if event in CHANGES or (writes and str(arguments[0]).startswith(str(inside))):
            seen += 1
            if seen == place:
                os._exit(9)

    sys.addaudithook(watch)


def main(folder: Path) -> None:
    before = {nothing: None, empty: None, saved: OLD, interrupted: NEWER}
    for prepare, earlier in before.items():
        place = 1
        while True:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            path = folder / "model"
            prepare(path)
            child = os.fork()
            if child == 0:
                end_at(place, folder)
                save(path, NEWEST)
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert code in (0, 9), code
            try:
                found = read(path)
            except ArtifactError:
                found = None
            assert found in (earlier, NEWEST), (prepare.__name__, place, found)
            assert code == 9 or found == NEWEST
            assert prepare is not nothing or found == NEWEST or not path.exists()
            save(path, NEWEST)
            assert read(path) == NEWEST
            rest = [name for name in os.listdir(path) if not name.endswith(".part")]
            assert sorted(rest) == [artifact.CONFIG, artifact.TENSORS], rest
            if code == 0:
                break
            place += 1
        print(prepare.__name__, place - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
