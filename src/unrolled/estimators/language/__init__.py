"""The parts of a language model: its arguments, texts, scores and draws."""
