"""Judging predictions: metrics, intervals, slices, differences, figures."""
