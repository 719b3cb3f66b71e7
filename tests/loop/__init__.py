"""Whole stories through HTTP and WebSocket on real servers with real processes."""
