"""``defend`` studies."""
