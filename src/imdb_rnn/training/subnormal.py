"""Numbers next to zero, which a vanished gradient consists of."""

import torch


def flush_subnormal_numbers() -> None:
    """Have this process take numbers too small for the ordinary floating-point format as zero.

    In float32 these are below 1.2e-38. Some processors take many times as long for them
    (docs/profile.md). NumPy does the same from then on, for float64 below 2.3e-308 too. To be
    called before the first computation: under Linux threads take it over from the one that starts
    them, and others would go on with such numbers. A processor that cannot do it is left alone.
    """
    torch.set_flush_denormal(True)
