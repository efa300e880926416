"""Tortoise models, one module per noun: columns and relations, no rules."""
