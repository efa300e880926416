"""THE HOUSE: settings, wiring, command line, /v2, workers and web pages."""
