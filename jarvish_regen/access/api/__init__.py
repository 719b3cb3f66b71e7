"""The API of people and firms, and the base of every view that a member of a firm may call."""
