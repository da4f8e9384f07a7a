"""Whole runs of the pipeline: named experiments, seeds, comparison, verification."""
