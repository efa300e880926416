"""What is inside images: how far that is known, and packages."""
