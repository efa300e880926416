"""The chapters of the REST reference: one table of rows and one file of documents each."""
