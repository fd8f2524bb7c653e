"""``interlock demo``."""
