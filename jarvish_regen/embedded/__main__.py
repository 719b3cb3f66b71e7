"""Run `python -m jarvish_regen.embedded COMMAND …`; people use `./jarvish`."""

import sys

from jarvish_regen.embedded.cli import main

sys.exit(main(sys.argv[1:] or ["help"]))
