"""Requests to hosts that users name: an HTTP client guarded against SSRF."""
