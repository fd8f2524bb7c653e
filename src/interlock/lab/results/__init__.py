"""From the rows of a study to numbers that can be told."""
