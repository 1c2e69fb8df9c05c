"""Models, one file a shape of sequence, built from a `Spec` and sharing its arrays."""

from unrolled import _needs_torch as _needs_torch
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.many_to_many import ManyToMany
from unrolled.models.many_to_one import ManyToOne
from unrolled.models.one_to_one import OneToOne

__all__ = ["EncoderDecoder", "ManyToMany", "ManyToOne", "OneToOne"]
