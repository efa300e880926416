"""What is raised for a text that is no version."""


class NotAVersion(ValueError):
    """The text is not a version of its ecosystem, so that nothing can be said of its order."""
