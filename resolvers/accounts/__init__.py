"""Accounts: users, organizations, robots and teams; sign-in, recovery and deletion."""
