"""Models without torch: what describes one, what is fitted with it, and how it is saved."""
