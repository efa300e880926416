"""The vocabulary of rights."""
