"""Database clients: those of Tortoise, with our locking, read connection and timing of statements."""
