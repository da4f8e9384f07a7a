"""Evaluation of predictions: metrics, intervals, slices, differences, figures."""
