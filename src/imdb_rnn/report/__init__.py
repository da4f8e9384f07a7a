"""The results of a run for people: one page to look at, and the model's card."""
