"""A pytest plugin, loaded before the settings are: test processes side by side share one Valkey, not its databases."""

import os

_DATABASES_EACH = 4
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker.startswith("gw"):
    os.environ["JARVISH_REDIS_DATABASE_OFFSET"] = str((int(_worker.removeprefix("gw")) + 1) * _DATABASES_EACH)
