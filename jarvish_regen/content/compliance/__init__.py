"""Compliance of a text: what it breaks, how it is mended, whether it may go out.

The rules are data (``rules.yaml``, sources in ``SOURCES.md``). ``check`` finds, ``repair`` mends, ``gate.release``
alone hands out. All of it is
pure: no database, clock or network.
"""
