"""The database clients: Tortoise's own, with the locking, read connections and measuring that we need."""
