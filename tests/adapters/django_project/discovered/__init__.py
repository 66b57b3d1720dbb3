"""An app with handlers and no models."""
