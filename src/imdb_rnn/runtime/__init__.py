"""The machine under a stage: instruction set, threads, device, memory, processes."""
