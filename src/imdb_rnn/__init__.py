"""A reproducible recurrent text classifier for the IMDB reviews."""

from imdb_rnn.runtime.instruction_set import choose_instruction_set

choose_instruction_set()  # before any module loads PyTorch or NumPy
