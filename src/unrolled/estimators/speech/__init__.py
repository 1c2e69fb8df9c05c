"""The parts of a speech recognizer: its arguments, sound as frames, texts, decoding and scores."""
