"""The parts of `benchmarks/textbook.py`."""
