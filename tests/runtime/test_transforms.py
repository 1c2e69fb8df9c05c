from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from unrolled.runtime.transforms import Scaler


def random_values(rows: int = 40, channels: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, channels)) * [1.0, 30.0, 0.01] + [5.0, -70.0, 0.0]


def one_sentence(error: pytest.ExceptionInfo[Exception]) -> bool:
    text = str(error.value)
    return "\n" not in text and 10 < len(text) < 300


def test_scaler_standardises_each_channel() -> None:
    values = random_values()
    scaler = Scaler.fit(values)
    np.testing.assert_allclose(scaler.mean, values.mean(axis=0))
    np.testing.assert_allclose(scaler.scale, values.std(axis=0))
    scaled = scaler.apply(values)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, (values - values.mean(0)) / values.std(0), atol=1e-5)
    assert scaler.invert(scaled).dtype == np.float64
    np.testing.assert_allclose(scaler.invert(scaled), values, rtol=1e-5, atol=1e-5)


def test_scaler_takes_any_leading_axes() -> None:
    values = random_values(24)
    scaler = Scaler.fit(values)
    cube = scaler.apply(values.reshape(2, 3, 4, 3))
    np.testing.assert_array_equal(cube.reshape(24, 3), scaler.apply(values))
    np.testing.assert_array_equal(scaler.apply(values[0]), scaler.apply(values)[0])


def test_scaler_weights_count_as_repeated_rows() -> None:
    values = random_values(6)
    counts = np.array([1, 0, 3, 2, 0, 5])
    repeated = Scaler.fit(np.repeat(values, counts, axis=0))
    weighted = Scaler.fit(values, counts)
    np.testing.assert_allclose(weighted.mean, repeated.mean)
    np.testing.assert_allclose(weighted.scale, repeated.scale)
    tiny = Scaler.fit(values, counts * 1e-320)
    np.testing.assert_allclose(tiny.mean, repeated.mean, rtol=1e-2)
    values[counts == 0] = math.nan
    np.testing.assert_array_equal(Scaler.fit(values, counts).scale, weighted.scale)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 1e-310, 123456.7])
def test_scaler_gives_constant_channels_scale_one(value: float) -> None:
    values = np.full((1001, 2), value)
    values[:, 1] = np.arange(1001)
    scaler = Scaler.fit(values)
    assert scaler.scale[0] == 1.0
    assert scaler.scale[1] > 200


def test_scaler_takes_the_noise_of_rounding_for_constant() -> None:
    values = np.full((100, 1), 0.3)
    values[::2] = 0.1 + 0.2
    assert values.min() < values.max()
    assert Scaler.fit(values).scale[0] == 1.0


@pytest.mark.parametrize("magnitude", [1e-200, 1e-300, 1e160, 1e300])
def test_scaler_fits_very_small_and_very_large_numbers(magnitude: float) -> None:
    values = np.random.default_rng(3).normal(size=(50, 1))
    scaler = Scaler.fit(values * magnitude)
    np.testing.assert_allclose(scaler.scale / magnitude, values.std(axis=0), rtol=1e-9)
    assert abs(scaler.apply(values * magnitude).std() - 1) < 1e-5


def test_scaler_identity_keeps_float32_bits() -> None:
    values = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_array_equal(Scaler.identity(4).apply(values), values)


def test_scaler_round_trip_keeps_every_bit() -> None:
    scaler = Scaler.fit(random_values(seed=9))
    again = Scaler.from_config(json.loads(json.dumps(scaler.to_config())))
    assert again.mean.tobytes() == scaler.mean.tobytes()
    assert again.scale.tobytes() == scaler.scale.tobytes()


def test_scaler_holds_its_own_read_only_numbers() -> None:
    mean = np.zeros(2)
    scaler = Scaler(mean, np.ones(2))
    mean[0] = 7
    assert scaler.mean[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        scaler.scale[0] = 2


@pytest.mark.parametrize(
    ("values", "weight", "said"),
    [
        (np.zeros(3), None, r"\(3,\)"),
        (np.zeros((0, 3)), None, r"\(0, 3\)"),
        (np.zeros((3, 0)), None, r"\(3, 0\)"),
        ([[1.0], [math.nan]], None, "NaN"),
        ([[1.0], [math.inf]], None, "infinity"),
        ([[1.7e308], [-1.7e308], [1.7e308]], None, "channel 0"),
        (np.zeros((3, 1)), [1, 1], "weight"),
        (np.zeros((3, 1)), [1, -1, 1], "weight"),
        (np.zeros((3, 1)), [0, 0, 0], "weight"),
        (np.zeros((3, 1)), [0, math.nan, 1], "weight"),
    ],
)
def test_scaler_fit_refuses(values: Any, weight: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Scaler.fit(values, weight)
    assert one_sentence(error)


def test_scaler_refuses_other_channels_and_results_beyond_float32() -> None:
    scaler = Scaler.identity(2)
    for wrong in (np.zeros(3), np.zeros((2, 1)), np.float64(1)):
        with pytest.raises(ValueError, match="2 channels"):
            scaler.apply(wrong)
        with pytest.raises(ValueError, match="2 channels"):
            scaler.invert(wrong)
    for bad in (1e39, math.nan, -math.inf):
        with pytest.raises(ValueError, match="float32"):
            scaler.apply([0.0, bad])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "mapping"),
        ([], "mapping"),
        ({}, "lacks mean"),
        ({"mean": [0.0]}, "lacks scale"),
        ({"mean": [0.0], "scale": [1.0], "median": [1.0]}, "median"),
        ({"mean": 0.0, "scale": [1.0]}, "mean"),
        ({"mean": [], "scale": []}, "mean"),
        ({"mean": "00", "scale": [1.0]}, "mean"),
        ({"mean": ["0"], "scale": [1.0]}, "'0'"),
        ({"mean": [True], "scale": [1.0]}, "True"),
        ({"mean": [None], "scale": [1.0]}, "None"),
        ({"mean": [[0.0]], "scale": [1.0]}, "list"),
        ({"mean": [0.0, 1.0], "scale": [1.0]}, "2 channels"),
        ({"mean": [math.nan], "scale": [1.0]}, "nan"),
        ({"mean": [0.0], "scale": [math.nan]}, "nan"),
        ({"mean": [0.0], "scale": [math.inf]}, "inf"),
        ({"mean": [0.0], "scale": [0.0]}, "above zero"),
        ({"mean": [0.0], "scale": [0]}, "above zero"),
        ({"mean": [0.0], "scale": [-1.0]}, "above zero"),
        ({"mean": [10**400], "scale": [1.0]}, "bits"),
        ({"mean": [0.0], "scale": [10**9000]}, "bits"),
        ({"mean": [0.0] * 1_000_001, "scale": [1.0]}, "1000001"),
    ],
)
def test_scaler_from_config_refuses(config: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Scaler.from_config(config)
    assert one_sentence(error)
