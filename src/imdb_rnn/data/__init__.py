"""Where reviews come from, and what they are made into before a model sees them."""
