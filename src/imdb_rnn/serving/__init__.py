"""The trained model as others use it: raw text in, probability out."""
