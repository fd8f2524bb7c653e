"""``interlock guard``."""
