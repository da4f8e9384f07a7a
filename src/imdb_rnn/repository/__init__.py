"""What Git and DVC know of the project."""
