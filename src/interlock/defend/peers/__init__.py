"""Published defences to compare with, a method a file."""
