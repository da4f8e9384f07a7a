"""The networks, the saved model, inference from token ids or raw text."""
