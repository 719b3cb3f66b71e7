"""The API of drafts and their versions."""
