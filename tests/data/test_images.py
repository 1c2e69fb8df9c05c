from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.data.fixed_inputs import FixedInputs, fit_scaler
from unrolled.data.images import as_images, read_image
from unrolled.data.pairs import PairBatches, gather
from unrolled.data.sequences import Sequences
from unrolled.runtime.transforms import Scaler

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
GREYS = RNG.integers(0, 256, (3, 5, 4), dtype=np.uint8)


def save(path: Path, pixels: Any, mode: str | None = None, **more: Any) -> Path:
    Image = pytest.importorskip("PIL.Image")
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **more)
    return path


def test_arrays_of_pixels_are_taken_as_they_are() -> None:
    for X, channels in ((COLOURS, 3), (GREYS, 1), (GREYS[..., None], 1)):
        found = as_images(X)
        assert (found.shape, found.dtype) == ((3, 5, 4, channels), np.uint8)
        np.testing.assert_array_equal(found.reshape(X.shape), X)
        np.testing.assert_array_equal(as_images(list(X)), found)
    floats = as_images((GREYS / 255).tolist())
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats[..., 0], GREYS / 255, rtol=1e-6)


def test_grey_and_colours_become_each_other() -> None:
    as_three = as_images(GREYS, channels=3)
    np.testing.assert_array_equal(as_three, np.repeat(GREYS[..., None], 3, axis=3))
    grey = as_images(COLOURS, channels=1)
    lightness = COLOURS @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_array_equal(grey[..., 0], np.rint(lightness))
    mixed = as_images([GREYS[0], COLOURS[1]])
    assert mixed.shape[3] == 3
    np.testing.assert_array_equal(mixed[0, ..., 2], GREYS[0])


def test_uint8_beside_floats_are_shares_of_255() -> None:
    found = as_images([GREYS[0], np.full((5, 4), 0.5)])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, ..., 0], GREYS[0] / 255, rtol=1e-6)


def test_what_is_transparent_lies_over_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = [0, 128, 255]
    expected = [255, 127, 0]
    assert as_images([pixels])[0, 0, :, 0].tolist() == expected
    floats = as_images([pixels / 255])[0, 0, :, 1]
    np.testing.assert_allclose(floats, [1.0, 1 - 128 / 255, 0.0], atol=1e-6)
    file = save(tmp_path / "a.png", pixels)
    assert read_image(file)[0, :, 2].tolist() == expected
    palette = save(tmp_path / "b.png", np.full((2, 2), 7, np.uint8), "P", transparency=7)
    assert (read_image(palette) == 255).all()


def test_files_are_read_in_their_colours(tmp_path: Path) -> None:
    colour = save(tmp_path / "colour.png", COLOURS[0])
    grey = save(tmp_path / "grey.png", GREYS[0])
    np.testing.assert_array_equal(read_image(colour), COLOURS[0])
    np.testing.assert_array_equal(read_image(str(grey)), GREYS[0])
    found = as_images([colour, str(grey), COLOURS[1]])
    np.testing.assert_array_equal(found[0], COLOURS[0])
    deep = save(tmp_path / "deep.png", (GREYS[0].astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(deep), GREYS[0])


def test_pictures_are_resized_where_a_size_is_given_and_differs(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    small = as_images([np.zeros((5, 4)), np.ones((9, 9))], size=3)
    assert small.shape == (2, 3, 3, 1)
    assert not small[0].any()
    np.testing.assert_allclose(small[1], 1.0)
    halves = np.zeros((8, 6), np.uint8)
    halves[:, 3:] = 200
    found = as_images([halves], size=(4, 2))[0, ..., 0]
    assert found.shape == (4, 2)
    assert (found[:, 0] < 60).all()
    assert (found[:, 1] > 140).all()
    np.testing.assert_array_equal(as_images(COLOURS, size=(5, 4)), COLOURS)


def test_sizes_that_differ_need_one_to_be_given() -> None:
    with pytest.raises(
        ValueError, match=r"X\[1\] is of 6 x 4 and X\[0\] of 5 x 4 pixels; give a s"
    ):
        as_images([np.zeros((5, 4)), np.zeros((6, 4))])


@pytest.mark.parametrize(
    ("X", "kind", "sentence"),
    [
        ("a.png", TypeError, "X is a single path, 'a.png'; pass a list of paths or arrays"),
        (np.zeros((5, 4)), TypeError, r"a single picture or rows of pixels; pass .* \[N, H, W\]"),
        ([], ValueError, r"found array with 0 sample\(s\)"),
        ([3], TypeError, r"X\[0\] is 3; a path or an array is needed"),
        ([np.zeros(4)], ValueError, r"X\[0\] has the shape \[4\]; \[H, W\]"),
        ([np.zeros((2, 2, 5))], ValueError, r"X\[0\] has the shape \[2, 2, 5\]"),
        ([np.zeros((0, 2))], ValueError, "and no pixels"),
        ([np.zeros((2, 2), int)], TypeError, r"X\[0\] holds int64; pixels are uint8"),
        ([np.full((2, 2), np.nan)], ValueError, r"X\[0\] holds NaN or infinity"),
        ([np.full((2, 2), 9.0)], ValueError, "holds numbers from 9 to 9; .* so divide them"),
        ({"a": 1}, TypeError, "X must be a list of paths or arrays .*, got dict"),
    ],
)
def test_what_is_no_picture_is_refused(X: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        as_images(X)


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    text = tmp_path / "a.png"
    text.write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.png is no image that can be read"):
        as_images([text])
    whole = save(tmp_path / "b.png", COLOURS[0]).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b\.png is no image that can be read"):
        as_images([tmp_path / "b.png"])
    with pytest.raises(FileNotFoundError, match=r"none\.png is not a file"):
        as_images([tmp_path / "none.png"])
    for size in (0, (2, 3, 4), 2**15):
        with pytest.raises(ValueError, match="size "):
            as_images(GREYS, size=size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channels must be 1, 3 or None, got 2"):
        as_images(GREYS, channels=2)


def test_without_pillow_files_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the library pillow, .*\[images\]'"):
        as_images(["a.png"])
    with pytest.raises(ModuleNotFoundError, match=r"resizing pictures needs the library pillow"):
        as_images(GREYS, size=3)
    assert as_images(GREYS).shape == (3, 5, 4, 1), "arrays of the right size need none"


def test_inputs_are_scaled_as_they_are_taken_and_not_copied() -> None:
    X = as_images(COLOURS)
    inputs = FixedInputs.of(X, fit_scaler(FixedInputs.of(X)))
    assert inputs.scaler is not None
    plain = COLOURS.reshape(-1, 3) / 255
    np.testing.assert_allclose(inputs.scaler.mean, plain.mean(axis=0))
    np.testing.assert_allclose(inputs.scaler.scale, plain.std(axis=0))
    some = inputs.take(np.array([2, 0, 2]))
    assert some.values is X
    assert len(some) == 3
    x, lengths = gather(some, np.array([1, 0]))
    assert (x.dtype, lengths) == (np.float32, None)
    wanted = (COLOURS[[0, 2]] / 255 - inputs.scaler.mean) / inputs.scaler.scale
    np.testing.assert_allclose(x, wanted, rtol=1e-4, atol=1e-5)
    constant = fit_scaler(FixedInputs.of(np.full((4, 2), 0.1)))
    assert constant.scale.tolist() == [1.0, 1.0]


def test_labels_are_taken_as_they_are() -> None:
    labels = FixedInputs.of(np.array([3, 1, 2]))
    assert gather(labels, np.array([2, 0]))[0].tolist() == [2, 3]


def test_pairs_of_inputs_of_one_size_are_cut_by_the_length_of_what_is_written() -> None:
    lengths = np.array([1, 3, 2, 3])
    targets = Sequences(np.arange(9), np.cumsum(lengths) - lengths, lengths)
    sources = FixedInputs(np.arange(8.0).reshape(4, 2), np.array([0, 0, 3, 1]), Scaler.identity(2))
    data = PairBatches(sources, targets, batch_size=2)
    assert [sorted(lengths[rows]) for rows in data.order(0)] == [[1, 2], [3, 3]]
    batch = data.batch(np.array([2, 1]))
    assert batch.x.tolist() == [[6.0, 7.0], [0.0, 1.0]]
    assert batch.lengths is None
    assert batch.y is not None
    assert batch.y.T.tolist() == [[4, 5, -1], [1, 2, 3]]
    other = PairBatches(sources.take(np.array([0, 1, 2, 2])), targets)
    assert any(not np.array_equal(a, b) for a, b in zip(data.arrays(), other.arrays(), strict=True))


def test_dark_pictures_of_16_bits_and_grey_ones_with_transparency(tmp_path: Path) -> None:
    deep = np.full((2, 3), 199, np.uint16)
    assert read_image(save(tmp_path / "deep.png", deep)).max() == round(199 / 65535 * 255)
    Image = pytest.importorskip("PIL.Image")
    grey = Image.new("LA", (3, 2), (100, 0))
    grey.putpixel((0, 0), (100, 255))
    grey.save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png")[0], [100, 255, 255])
