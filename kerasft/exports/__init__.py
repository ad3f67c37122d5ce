"""A saved folder, written for other libraries."""
