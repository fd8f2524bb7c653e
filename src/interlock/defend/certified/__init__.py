"""An answer that no patch of a size can change, and models that keep their labels under masks."""
