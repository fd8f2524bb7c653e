"""The shield, and the steps of its answer."""
