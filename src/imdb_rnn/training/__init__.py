"""Fitting the classifier: the loop, its optimizer and schedule, checkpoints, early stopping."""
