"""The application: settings, wiring, HTTP, `/v2`, workers, command line and web pages."""
