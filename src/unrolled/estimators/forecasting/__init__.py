"""What the `Forecaster` is made of, a step of its work in each module."""
