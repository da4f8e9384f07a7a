"""What is counted or fitted linearly: n-gram models, n-gram log-odds, word vectors."""
