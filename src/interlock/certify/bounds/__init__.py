"""What can be promised: laws of the vote, certificates, and bounds from measured votes."""
