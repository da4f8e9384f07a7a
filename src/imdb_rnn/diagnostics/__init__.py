"""Looking into a recurrent network: its gradients written out, and what each word did."""
