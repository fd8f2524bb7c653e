"""Copies of a prompt, and the vote over their answers."""
