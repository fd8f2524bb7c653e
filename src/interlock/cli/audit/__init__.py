"""``interlock audit``, and ``interlock demo``, which is it on the embedded models."""
