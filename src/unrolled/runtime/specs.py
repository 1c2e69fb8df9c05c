"""Specs of any kind from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled.runtime.encoder_decoder import EncoderDecoderSpec
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.spec import AnySpec, Spec
from unrolled.runtime.transcription import TranscriberSpec


def spec_from_config(config: Mapping[str, Any]) -> AnySpec:
    """A spec from what `to_config` gave.

    One with the entries "decoder" and "reads" is a `OneToManySpec`, one with "decoder" alone an
    `EncoderDecoderSpec`, one with "convolutions" a `TranscriberSpec`.

    Raises:
        ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
    """
    if isinstance(config, Mapping) and "decoder" in config:
        if "reads" in config:
            return OneToManySpec.from_config(config)
        return EncoderDecoderSpec.from_config(config)
    if isinstance(config, Mapping) and "convolutions" in config:
        return TranscriberSpec.from_config(config)
    return Spec.from_config(config)
