"""The version of the application, bumped with every change that users see."""

__version__ = "0.13.0"
