"""Fitting the classifier: the loop, its batches of steps, and what keeps it deterministic."""
