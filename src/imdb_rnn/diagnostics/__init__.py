"""Looking into recurrent networks: studies of small ones, and their gradients written out."""
