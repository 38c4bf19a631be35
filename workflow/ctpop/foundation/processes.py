"""Worker processes that end together with their parent process."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """End this process as soon as its parent process has ended, even if the parent was killed.

    Pass this function as the initializer of a process pool. Without it, the processes of a pool wait for work
    indefinitely and keep their memory after their parent is killed. A file that a process was writing remains under
    its temporary name.
    """
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
