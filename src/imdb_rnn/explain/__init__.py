"""What each token of a text did to the verdict on it, in the terminal and as a page."""
