"""``explain`` studies."""
