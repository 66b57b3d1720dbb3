"""An app whose handlers run in processes of their own."""
