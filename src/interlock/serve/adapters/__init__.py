"""The guard's vote inside frameworks that ask the model themselves, a module for each."""
