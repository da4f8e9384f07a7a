"""Side-by-side runs of the project and of what one would use in its place, on one machine.

`make bench` runs all of them; [docs/benchmarks.md](../docs/benchmarks.md) shows the results.
"""
