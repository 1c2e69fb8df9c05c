"""Training: the loop over epochs, the engine through torch, schedules, losses, checkpoints."""
