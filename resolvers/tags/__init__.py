"""Tags through time: changing one or many, copies, history, locks."""
