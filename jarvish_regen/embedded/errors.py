"""What can go wrong with embedded servers.

EmbeddedError          one sentence for the person at the terminal
└── StateInUseError    another process owns this state directory
"""


class EmbeddedError(RuntimeError):
    """Say in one sentence why servers or processes could not be started or stopped."""


class StateInUseError(EmbeddedError):
    """Say that another process owns the state directory."""
