"""``certify`` studies."""
