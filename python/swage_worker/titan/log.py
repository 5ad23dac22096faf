"""Monarch writes a log of its own, /tmp/USER/monarch_log.log, from every process that imports it, wherever TMPDIR is and for
ever longer. Here it has a name of this worker's alone, takes errors only, and has no name any more once all processes hold
it open. Imported before anything of Monarch, whose processes inherit it; who names the log in the environment keeps it."""

import contextlib
import os
import pathlib
import pwd

from . import environment

_OURS = "swage_"
os.environ.setdefault("MONARCH_LOG_SUFFIX", f"{_OURS}{os.getpid()}")
os.environ.setdefault("MONARCH_FILE_LOG", "error")
environment.reserve()


def remove() -> None:
    """Called by each process that has opened the log."""
    suffix = os.environ["MONARCH_LOG_SUFFIX"]
    if not suffix.startswith(_OURS):
        return
    # A user without a name has no log; a folder that is not empty has somebody else's.
    with contextlib.suppress(KeyError, OSError):
        log = pathlib.Path("/tmp", pwd.getpwuid(os.getuid()).pw_name, f"monarch_log_{suffix}.log")
        log.unlink(missing_ok=True)
        log.parent.rmdir()
