"""The parts of what writes from one thing: arguments, and what is read."""
