"""Become another program that dies with its parent: python -I -S shim.py PARENT SIGNAL UID GID PROGRAM [ARGS…].

The kernel forgets the parent-death signal when the user id changes, so it is set after that, in the child itself. A
shim rather than Popen's preexec_fn, because code between fork and exec may hang when the parent has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Change user (UID -1: stay), ask for SIGNAL at the parent's death, and exec PROGRAM."""
    parent, death_signal, uid, gid = map(int, sys.argv[1:5])
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the call above; then nobody will ever send the signal.
    if os.getppid() != parent:
        sys.exit("parent is gone")
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606  # the caller's own list, no shell


if __name__ == "__main__":
    main()
