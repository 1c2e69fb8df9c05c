"""The parts of `benchmarks/unaligned.py`, a file each."""
