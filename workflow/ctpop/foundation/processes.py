"""Processes that work for another one."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, were it killed; for the initializer of a pool.

    Without it the processes of a pool wait for work for ever, with all their memory, once their parent is killed.
    What such a process was writing stays behind under a temporary name.
    """
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
