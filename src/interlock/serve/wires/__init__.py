"""The protocols that clients speak: each is read into one chat request, and one answer."""
