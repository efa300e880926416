"""Service keys as services send and fetch them, without accounts."""
