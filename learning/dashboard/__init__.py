"""The live dashboard: reads every floor, writes nothing but its own roll-ups. See docs/dashboard.md."""
