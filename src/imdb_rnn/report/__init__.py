"""What a run came to, for people: one page to look at, and the model's card."""
