"""Sequences: what is accepted, what is viewed, what is refused and in which words."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from unrolled.data import Sequences, as_sequences, as_table, pad, unpad, valid_mask
from unrolled.data.sequences import rows_of


def ragged(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(size=(length, 3)) for length in (4, 1, 6, 2)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


class TestWhatIsAccepted:
    def test_array_of_three_dimensions_is_viewed(self, rng: np.random.Generator) -> None:
        X = rng.normal(size=(5, 4, 3))
        sequences = as_sequences(X)
        assert np.shares_memory(sequences.values, X)
        assert sequences.values.shape == (20, 3)
        assert (len(sequences), sequences.channels, sequences.ragged) == (5, 3, False)
        for i in range(5):
            np.testing.assert_array_equal(sequences[i], X[i])

    def test_array_of_two_dimensions_has_one_channel_and_is_viewed(
        self, rng: np.random.Generator
    ) -> None:
        X = rng.normal(size=(5, 4))
        sequences = as_sequences(X)
        assert np.shares_memory(sequences.values, X)
        assert sequences.channels == 1
        np.testing.assert_array_equal(sequences[3], X[3][:, None])

    def test_array_that_is_not_contiguous(self, rng: np.random.Generator) -> None:
        X = np.asfortranarray(rng.normal(size=(5, 4, 3)))[::2]
        sequences = as_sequences(X)
        np.testing.assert_array_equal(sequences[2], X[2])

    def test_list_of_unequal_lengths(self, rng: np.random.Generator) -> None:
        X = ragged(rng)
        sequences = as_sequences(X)
        assert sequences.ragged
        np.testing.assert_array_equal(sequences.lengths, [4, 1, 6, 2])
        np.testing.assert_array_equal(sequences.starts, [0, 4, 5, 11])
        for i, x in enumerate(X):
            np.testing.assert_array_equal(sequences[i], x)

    @pytest.mark.parametrize("kind", [list, tuple, lambda X: np.array(X, dtype=object)])
    def test_collections_of_one_channel(self, kind: type) -> None:
        sequences = as_sequences(kind([[1, 2, 3], np.array([4.0, 5.0])]))
        assert sequences.values.dtype == np.float64
        np.testing.assert_array_equal(sequences.values[:, 0], [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(sequences.lengths, [3, 2])

    def test_steps_of_one_channel_may_be_written_either_way(self) -> None:
        sequences = as_sequences([[1.0, 2.0], [[3.0], [4.0], [5.0]]])
        np.testing.assert_array_equal(sequences.values, [[1], [2], [3], [4], [5]])

    def test_columns_of_a_library_are_steps(self) -> None:
        for series in (pd.Series([[1.0, 2.0], [3.0]]), pl.Series([[1.0, 2.0], [3.0]])):
            np.testing.assert_array_equal(as_sequences(series).lengths, [2, 1])
        for series in (pd.Series([1.0, 2.0]), pl.Series([1.0, 2.0])):
            np.testing.assert_array_equal(as_sequences([series, [3.0]]).lengths, [2, 1])

    def test_list_of_dataframes(self) -> None:
        frames = [pl.DataFrame({"a": [1, 2], "b": [3, 4]}), pd.DataFrame({"a": [5.0], "b": [6.0]})]
        sequences = as_sequences(frames)
        np.testing.assert_array_equal(sequences.values, [[1, 3], [2, 4], [5, 6]])

    def test_sequences_pass_as_they_are(self, rng: np.random.Generator) -> None:
        sequences = as_sequences(ragged(rng))
        assert as_sequences(sequences) is sequences
        tokens = Sequences(np.arange(5), np.array([0, 2]), np.array([2, 3]))
        assert as_sequences(tokens) is tokens

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_floating_dtype_is_kept(self, dtype: type) -> None:
        assert as_sequences(np.ones((2, 3), dtype)).values.dtype == dtype
        assert as_sequences([np.ones(2, dtype), np.ones(3, dtype)]).values.dtype == dtype
        assert as_table(np.ones((2, 3), dtype)).dtype == dtype

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16])
    def test_whole_numbers_become_float64(self, dtype: type) -> None:
        assert as_sequences(np.ones((2, 3), dtype)).values.dtype == np.float64
        assert as_table(np.ones((2, 3), dtype)).dtype == np.float64

    def test_objects_that_are_numbers_are_converted(self) -> None:
        X = np.array([[1, 2.5], [np.float32(3), True]], dtype=object)
        np.testing.assert_array_equal(as_table(X), [[1, 2.5], [3, 1]])
        np.testing.assert_array_equal(as_sequences(X).values[:, 0], [1, 2.5, 3, 1])
        np.testing.assert_array_equal(as_table([[Fraction(1, 2), Decimal("1.5")]]), [[0.5, 1.5]])

    def test_table_is_viewed(self, rng: np.random.Generator) -> None:
        X = rng.normal(size=(5, 4))
        assert as_table(X) is X
        np.testing.assert_array_equal(as_table(X.tolist()), X)

    def test_read_only_array(self) -> None:
        X = np.ones((2, 3))
        X.flags.writeable = False
        assert np.shares_memory(as_sequences(X).values, X)


BOTH = pytest.mark.parametrize("check", [as_sequences, as_table])


class TestWhatIsRefused:
    @BOTH
    def test_sparse(self, check: type) -> None:
        for X in (scipy.sparse.eye(3, format="csr"), scipy.sparse.coo_array(np.eye(3))):
            with pytest.raises(TypeError, match=r"^X is a sparse .* pass a dense array"):
                check(X)

    @BOTH
    def test_complex(self, check: type) -> None:
        with pytest.raises(ValueError, match=r"^Complex data not supported: X has dtype complex"):
            check(np.ones((3, 2)) * 1j)
        with pytest.raises(ValueError, match=r"^Complex data not supported: X\[0, 1\] is 2j"):
            check(np.array([[1.0, 2j]], dtype=object))

    @BOTH
    def test_objects(self, check: type) -> None:
        X = np.ones((2, 3), dtype=object)
        X[1, 2] = {"foo": "bar"}
        with pytest.raises(TypeError, match=r"argument must be .* string.* number") as caught:
            check(X)
        assert str(caught.value) == (
            "X[1, 2]: argument must be a string or a real number, and text must be encoded first; "
            "got dict {'foo': 'bar'}."
        )
        X[1, 2] = "1.5"
        with pytest.raises(TypeError, match=r"^X\[1, 2\]: .* text must be encoded first; got str"):
            check(X)
        X[1, 2] = None
        with pytest.raises(TypeError, match=r"got NoneType None"):
            check(X)

    @BOTH
    def test_text_and_dates(self, check: type) -> None:
        with pytest.raises(TypeError, match=r"^X(\[0\])? holds text \('a'\), not numbers"):
            check([["a", "b"]])
        with pytest.raises(TypeError, match=r"^X has dtype datetime64.*holds no numbers"):
            check(np.array([["2020-01-01"]], dtype="datetime64[D]"))

    @BOTH
    @pytest.mark.parametrize("X", [None, 3.0, {"a": 1}, {1, 2}])
    def test_no_array_at_all(self, check: type, X: object) -> None:
        with pytest.raises(TypeError, match=r"^X must be an array or a list of numbers, got"):
            check(X)

    @BOTH
    def test_nan_and_infinity(self, check: type) -> None:
        X = np.ones((4, 3))
        X[2, 1] = np.nan
        with pytest.raises(ValueError, match=r"^X holds NaN in (sequence|sample) 2") as caught:
            check(X)
        assert ("at step 1, channel 0;" in str(caught.value)) == (check is as_sequences)
        assert ("feature 1;" in str(caught.value)) == (check is as_table)
        X[2, 1] = -np.inf
        with pytest.raises(ValueError, match=r"^X holds infinity in (sequence|sample) 2"):
            check(X)

    def test_nan_in_a_ragged_list(self, rng: np.random.Generator) -> None:
        X = ragged(rng)
        X[2][5, 1] = np.nan
        with pytest.raises(ValueError, match=r"^X holds NaN in sequence 2 at step 5, channel 1;"):
            as_sequences(X)
        with pytest.raises(ValueError, match=r"^input holds NaN in sequence 2"):
            as_sequences(X, name="input")

    def test_nan_counts_only_where_a_sequence_is(self) -> None:
        values = np.array([[1.0], [np.nan], [2.0], [3.0]])
        around = Sequences(values, np.array([0, 2]), np.array([1, 2]))
        assert as_sequences(around) is around
        with pytest.raises(ValueError, match=r"^X holds NaN in sequence 1 at step 1, channel 0;"):
            as_sequences(Sequences(values, np.array([2, 0]), np.array([2, 2])))

    @BOTH
    def test_empty(self, check: type) -> None:
        def says(what: str, shape: str) -> str:
            return rf"0 {what}\(s\) \(shape=\({shape}\)\) while a minimum of 1 is required\.$"

        with pytest.raises(ValueError, match=says("sample", "0, 5")):
            check(np.ones((0, 5)))
        with pytest.raises(ValueError, match=says("feature", "12, 0")):
            check(np.ones((12, 0)))
        with pytest.raises(ValueError, match=says("feature", "2, 0")):
            check([[], []])
        with pytest.raises(ValueError, match=says("sample", "0,")):
            check([])

    def test_empty_in_three_dimensions(self) -> None:
        with pytest.raises(ValueError, match=r"0 step\(s\) \(shape=\(2, 0, 3\)\)"):
            as_sequences(np.ones((2, 0, 3)))
        with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(2, 3, 0\)\)"):
            as_sequences(np.ones((2, 3, 0)))
        with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(3, 0\)\)"):
            as_sequences([np.ones((3, 0)), np.ones((1, 0))])
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            as_sequences(as_sequences(np.ones((2, 3))).take(np.array([], dtype=int)))

    def test_empty_sequence(self) -> None:
        with pytest.raises(ValueError, match=r"^X\[1\] is an empty sequence; drop it"):
            as_sequences([[1.0, 2.0], [], [3.0]])

    @BOTH
    def test_one_dimension(self, check: type) -> None:
        for X in (np.ones(3), [1.0, 2.0, 3.0]):
            with pytest.raises(
                ValueError, match=r"^Expected 2D array, got 1D array instead: .* Reshape your data"
            ):
                check(X)

    def test_too_many_dimensions(self) -> None:
        with pytest.raises(
            ValueError, match=r"^X must be \[N, T\] or \[N, T, C\], got 4 dim.*resh"
        ):
            as_sequences(np.ones((2, 3, 4, 5)))
        with pytest.raises(
            ValueError, match=r"^X\[1\] must be \[T\] or \[T, C\], got 3 dimensions"
        ):
            as_sequences([np.ones((2, 3)), np.ones((2, 3, 4))])
        with pytest.raises(ValueError, match=r"^X must be \[N, C\], got 3 .* X\.reshape\(len\(X\)"):
            as_table(np.ones((2, 8, 8)))

    def test_channels_that_differ(self) -> None:
        X = [np.ones((2, 3)), np.ones((4, 3)), np.ones((3, 2))]
        with pytest.raises(ValueError, match=r"^X\[0\] has 3 channels and X\[2\] has 2; every"):
            as_sequences(X)

    def test_uneven_nesting(self) -> None:
        with pytest.raises(ValueError, match=r"^X\[0\] is nested unevenly"):
            as_sequences([[1.0, [2.0]], [3.0]])
        for item in (3.0, None):
            with pytest.raises(TypeError, match=r"^X\[1\] must be an array or a list of numbers"):
                as_sequences([[1.0, 2.0], item])
        with pytest.raises(ValueError, match=r"^X is nested unevenly .* rows equally long"):
            as_table([[1.0, 2.0], [3.0]])

    @BOTH
    def test_hidden_values_of_a_masked_array(self, check: type) -> None:
        masked = np.ma.masked_array(np.ones((2, 2)), mask=[[False, True], [False, False]])
        with pytest.raises(ValueError, match=r"^X is a masked array with hidden values"):
            check(masked)
        assert len(check(np.ma.masked_array(np.ones((2, 2))))) == 2


class TestSequences:
    def test_a_slice_or_an_array_of_rows_takes_sequences(self, rng: np.random.Generator) -> None:
        X = [rng.normal(size=(T, 2)) for T in (3, 1, 4, 2)]
        sequences = as_sequences(X)
        for rows in (
            slice(1, 3),
            slice(None, None, -2),
            [0, 3],
            np.array([True, False, False, True]),
        ):
            some = sequences[rows]
            assert isinstance(some, Sequences)
            assert some.values is sequences.values
            expected = np.arange(4)[rows]
            assert len(some) == len(expected)
            for found, row in zip(some, expected, strict=True):
                np.testing.assert_array_equal(found, X[row])
        assert sequences[-1].shape == (2, 2)

    def test_take_shares_values(self, rng: np.random.Generator) -> None:
        X = ragged(rng)
        sequences = as_sequences(X)
        some = sequences.take(np.array([3, 0]))
        assert some.values is sequences.values
        np.testing.assert_array_equal(some[0], X[3])
        np.testing.assert_array_equal(some[1], X[0])
        masked = sequences.take(np.array([False, True, True, False]))
        np.testing.assert_array_equal(masked[1], X[2])
        assert not some.take(np.array([1])).ragged

    def test_with_values_keeps_the_cuts(self, rng: np.random.Generator) -> None:
        sequences = as_sequences(ragged(rng))
        doubled = sequences.with_values(2 * sequences.values[:, :2])
        np.testing.assert_array_equal(doubled[2], 2 * sequences[2][:, :2])
        with pytest.raises(ValueError, match=r"^values must keep 13 rows, got 12\.$"):
            sequences.with_values(sequences.values[1:])

    def test_iterates_over_views(self, rng: np.random.Generator) -> None:
        X = ragged(rng)
        sequences = as_sequences(X)
        seen = list(sequences)
        assert [len(x) for x in seen] == [4, 1, 6, 2]
        assert all(np.shares_memory(x, sequences.values) for x in seen)

    def test_refuses_cuts_that_are_wrong(self) -> None:
        values, one = np.ones((5, 2)), np.array([1])
        with pytest.raises(
            ValueError, match=r"^sequence 1 takes rows 3 to 5 of values, which has 5"
        ):
            Sequences(values, np.array([0, 3]), np.array([2, 3]))
        with pytest.raises(ValueError, match=r"^sequence 0 takes rows -1 to 0"):
            Sequences(values, np.array([-1]), np.array([2]))
        with pytest.raises(ValueError, match=r"^sequence 1 is empty"):
            Sequences(values, np.array([0, 3]), np.array([2, 0]))
        with pytest.raises(ValueError, match=r"^starts and lengths must be equally many, got 2"):
            Sequences(values, np.array([0, 3]), one)
        with pytest.raises(TypeError, match=r"^starts must be \[N\] int64, got float64 \[1\]"):
            Sequences(values, np.array([0.0]), one)
        with pytest.raises(TypeError, match=r"^lengths must be \[N\] int64, got int32"):
            Sequences(values, one, one.astype(np.int32))

    def test_refuses_values_that_are_wrong(self) -> None:
        zero, one = np.array([0]), np.array([1])
        with pytest.raises(TypeError, match=r"^values must be .* got int64 \[3, 1\]\.$"):
            Sequences(np.ones((3, 1), dtype=np.int64), zero, one)
        with pytest.raises(TypeError, match=r"^values must be .* got int32 \[3\]\.$"):
            Sequences(np.ones(3, dtype=np.int32), zero, one)
        with pytest.raises(ValueError, match=r"^values must be \[M, C\], got shape \[3\]\.$"):
            Sequences(np.ones(3), zero, one)


class TestPadding:
    def test_pad_and_unpad(self, rng: np.random.Generator) -> None:
        X = ragged(rng)
        x, lengths = pad(as_sequences(X), value=-7.0)
        assert x.shape == (4, 6, 3)
        np.testing.assert_array_equal(lengths, [4, 1, 6, 2])
        for i, part in enumerate(X):
            np.testing.assert_array_equal(x[i, : len(part)], part)
            assert (x[i, len(part) :] == -7.0).all()
        back = unpad(x, lengths)
        for part, original in zip(back, X, strict=True):
            assert np.shares_memory(part, x)
            np.testing.assert_array_equal(part, original)

    def test_pad_overlapping_sequences_in_any_order(self) -> None:
        values = np.arange(10.0)[:, None]
        sequences = Sequences(values, np.array([4, 0, 3]), np.array([3, 2, 4]))
        np.testing.assert_array_equal(rows_of(sequences), [4, 5, 6, 0, 1, 3, 4, 5, 6])
        x, _ = pad(sequences)
        np.testing.assert_array_equal(x[:, :, 0], [[4, 5, 6, 0], [0, 1, 0, 0], [3, 4, 5, 6]])

    def test_pad_keeps_dtype(self) -> None:
        assert pad(as_sequences(np.ones((2, 3), np.float32)))[0].dtype == np.float32
        tokens = Sequences(np.arange(1, 6), np.array([0, 3]), np.array([3, 2]))
        x, _ = pad(tokens, value=-1)
        assert x.dtype == np.int64
        np.testing.assert_array_equal(x, [[1, 2, 3], [4, 5, -1]])
        with pytest.raises(ValueError, match=r"^value must be a whole number for tokens, got 0\.5"):
            pad(tokens, value=0.5)
        with pytest.raises(ValueError, match=r"^value must be a whole number for tokens, got nan"):
            pad(tokens, value=np.nan)

    def test_unpad_refuses_lengths_that_do_not_fit(self) -> None:
        x = np.ones((2, 3, 1))
        with pytest.raises(ValueError, match=r"^lengths\[1\] is 4, but x has 3 steps\.$"):
            unpad(x, np.array([3, 4]))
        with pytest.raises(ValueError, match=r"^lengths\[0\] is -1, but x has 3 steps\.$"):
            unpad(x, np.array([-1, 3]))
        with pytest.raises(ValueError, match=r"^x must be .* got \[2, 3, 1\] and \[3\]\.$"):
            unpad(x, np.array([1, 2, 3]))

    def test_valid_mask_is_time_major(self) -> None:
        mask = valid_mask(np.array([2, 3]), 4)
        assert mask.dtype == np.bool_
        np.testing.assert_array_equal(mask.T.astype(int), [[1, 1, 0, 0], [1, 1, 1, 0]])
