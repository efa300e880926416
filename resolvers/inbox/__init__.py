"""What users are told without asking: notices of the bell."""
