"""Adversarial patches."""
