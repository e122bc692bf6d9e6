"""Edits as values: what they say, what they would do, and the choices on the way."""
