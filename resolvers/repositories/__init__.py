"""Repositories: finding and changing them, who may do what with them, how much they are used."""
