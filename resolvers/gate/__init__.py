"""The gate: policies on pulls of images with vulnerabilities, and what they say of an image."""
