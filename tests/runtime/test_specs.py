from __future__ import annotations

import pytest

from unrolled.runtime.encoder_decoder import Decoder, EncoderDecoderSpec
from unrolled.runtime.spec import Recurrent, Spec
from unrolled.runtime.specs import spec_from_config

CHAIN = Spec(2, 3, "class", recurrent=Recurrent("gru", 4))
WRITES = EncoderDecoderSpec(
    9, 4, Recurrent("gru", 5), Decoder(8, 3, Recurrent("gru", 5), combined_size=4)
)


@pytest.mark.parametrize("spec", [CHAIN, WRITES])
def test_each_kind_comes_back(spec: Spec | EncoderDecoderSpec) -> None:
    assert spec_from_config(spec.to_config()) == spec


@pytest.mark.parametrize("config", [None, [], {"decoder": None}, {"input_size": 3}, {}])
def test_what_is_none_is_refused(config: object) -> None:
    with pytest.raises(ValueError, match="spec"):
        spec_from_config(config)  # type: ignore[arg-type]
