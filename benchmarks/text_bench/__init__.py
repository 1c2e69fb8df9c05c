"""What the benchmark of texts and long memories measures, a part a file."""
