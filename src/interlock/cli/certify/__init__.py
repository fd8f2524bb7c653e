"""``interlock certify``."""
