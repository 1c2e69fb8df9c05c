"""Models, one file a shape of sequence, built from a `Spec` and sharing its arrays.

They need torch and are loaded when they are first used; `models.decoding` needs none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrolled.models.encoder_decoder import EncoderDecoder
    from unrolled.models.many_to_many import ManyToMany
    from unrolled.models.many_to_one import ManyToOne
    from unrolled.models.one_to_many import OneToMany
    from unrolled.models.one_to_one import OneToOne
    from unrolled.models.transcriber import Transcriber

__all__ = [
    "EncoderDecoder",
    "ManyToMany",
    "ManyToOne",
    "OneToMany",
    "OneToOne",
    "Transcriber",
]

_FILES = {
    "EncoderDecoder": "encoder_decoder",
    "ManyToMany": "many_to_many",
    "ManyToOne": "many_to_one",
    "OneToMany": "one_to_many",
    "OneToOne": "one_to_one",
    "Transcriber": "transcriber",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'unrolled.models' has no attribute {name!r}")
    importlib.import_module("unrolled._needs_torch")
    value = getattr(importlib.import_module(f"unrolled.models.{_FILES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
