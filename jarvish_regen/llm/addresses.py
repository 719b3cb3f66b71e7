"""Where a model may be asked: the same public addresses that everything we call must have."""

from jarvish_regen.addresses import UnsafeBaseURLError, check_base_url, is_loopback_host, is_public

__all__ = ["UnsafeBaseURLError", "check_base_url", "is_loopback_host", "is_public"]
