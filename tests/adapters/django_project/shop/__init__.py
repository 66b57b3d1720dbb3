"""An app with a model, for handlers that write."""
