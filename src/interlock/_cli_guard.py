"""``interlock guard`` and ``interlock guard ledger``."""
