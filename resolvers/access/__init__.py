"""Who is calling and what they may do: the one place where every door asks."""
