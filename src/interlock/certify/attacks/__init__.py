"""Attack prompts: read, sorted into families, and found by search."""
