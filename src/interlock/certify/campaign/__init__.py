"""From attacks to certificates that were checked: forecast, run, bounded, drawn."""
