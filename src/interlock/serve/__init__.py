"""The guard: an OpenAI-compatible proxy that answers by a certified vote."""
