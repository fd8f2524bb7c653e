"""``interlock explain``."""
