"""The parts of a translator: its arguments, pairs of texts, what it writes, and scores."""
