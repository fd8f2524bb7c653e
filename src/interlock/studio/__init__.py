"""A page on this machine to try things on: a photo, a patch, a prompt."""
