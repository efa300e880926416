"""What is inside images: packages and files of layers, found by a scanner, and the questions about them."""
