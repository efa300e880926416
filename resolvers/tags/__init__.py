"""Tags: changing one or many (plans), copies, history, immutability."""
