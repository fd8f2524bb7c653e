"""What is said of a run: its card, its sentence, and how another run of its attacks compares."""
