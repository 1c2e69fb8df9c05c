"""The .ts format, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.data import read_ts

HEAD = "# about\n@problemName Small\n@timeStamps false\n@classLabel true up down\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "Small_TRAIN.ts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_unequal_lengths_and_channels(tmp_path: Path) -> None:
    text = HEAD + "@dimensions 2\n@data\n1,2,3:-1,-2,-3:up\n\n4.5,5e-1:6,7:down\n"
    series = read_ts(written(tmp_path, text))
    assert [x.shape for x in series.X] == [(3, 2), (2, 2)]
    assert all(x.flags.c_contiguous and x.dtype == np.float64 for x in series.X)
    np.testing.assert_array_equal(series.X[0], [[1, -1], [2, -2], [3, -3]])
    np.testing.assert_array_equal(series.X[1], [[4.5, 6], [0.5, 7]])
    assert list(series.y) == ["up", "down"]


def test_comments_capitals_and_line_ends(tmp_path: Path) -> None:
    text = "% about\n@ClassLabel True a\n@UNIVARIATE TRUE\n@DATA\r\n1, 2 : a\r\n"
    series = read_ts(str(written(tmp_path, text)))
    np.testing.assert_array_equal(series.X[0], [[1], [2]])
    assert list(series.y) == ["a"]


def test_numeric_target(tmp_path: Path) -> None:
    series = read_ts(written(tmp_path, "@targetLabel true\n@data\n1,2:0.5\n3:-1\n"))
    np.testing.assert_array_equal(series.y, [0.5, -1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "@data\n1,?,3:up\n", r" line 6 has no value in channel 0 at step 1; fill or drop"),
        (HEAD + "@data\n1:2,NaN:up\n", r" line 6 has no value in channel 1 at step 1; fill or"),
        (HEAD + "@data\n1,,3:up\n", r" line 6 has no value in channel 0 at step 1; fill or drop"),
        (HEAD + "@data\n1:up\nx:up\n", r" line 7 has 'x' in channel 0 at step 0, not a number\.$"),
        (HEAD + "@data\n1,inf:up\n", r" line 6 has 'inf' in channel 0 at step 1, not a finite n"),
        (HEAD + "@data\n1:left\n", r" line 6 has the label 'left', .* it lists down, up\.$"),
        (HEAD + "@data\n1,2\n", r" line 6 has no ':' between its values and its label\.$"),
        (HEAD + "@data\n1:2:up\n3:up\n", r" line 7 has 1 channels where 2 are expected\.$"),
        (HEAD + "@dimensions 3\n@data\n1:2:up\n", r" line 7 has 2 channels where 3 are expected"),
        (HEAD + "@univariate true\n@data\n1:2:up\n", r" line 7 has 2 channels where 1 are expec"),
        (HEAD + "@data\n1,2:3:up\n", r" line 6 has 2 steps in channel 0 and 1 in channel 1; all"),
        (HEAD + "@dimensions two\n@data\n1:up\n", r" line 5: @dimensions must be a whole number"),
        (HEAD + "@timeStamps true\n@data\n", r" line 5: series with time stamps are not read\.$"),
        (HEAD + "1:up\n@data\n", r" line 5 comes before @data and does not begin with @\.$"),
        (HEAD + "@data\n", r" has no case after @data\.$"),
        (HEAD, r" has no line @data\.$"),
        ("", r" has no line @data\.$"),
        ("@classLabel false\n@data\n1,2\n", r" has no labels; @classLabel or @targetLabel must"),
        ("@classLabel true\n@data\n1:a\n", r" line 1: @classLabel true must list the classes\.$"),
        ("@targetLabel true\n@data\n1:a\n", r" has a target that is no number: .*'a'\.$"),
        ("@targetLabel true\n@data\n1:nan\n", r" has a target that is no number: 'nan'\.$"),
        (b"@classLabel true a\n@data\n1:\xff\n", r" is not UTF-8 text\.$"),
    ],
)
def test_damaged(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=words) as caught:
        read_ts(path)
    assert str(caught.value).startswith(str(path))
