"""Concepts of a layer: found, scored, and told from what is foreign to them."""
