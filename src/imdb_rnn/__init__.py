"""A reproducible recurrent text classifier for the IMDB reviews."""
