"""What a target does, asked and counted: alone, in a vote, and for those who mean no harm."""
