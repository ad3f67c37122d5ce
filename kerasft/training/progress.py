"""How `fit` shows how far it is."""

import os
import sys


def progress() -> int:
    """What `fit` takes as `verbose`: 1, a bar, where one can be drawn; else 2, a line an epoch.

    Keras draws its bar with backspaces, which fill a log file.

    Example:
        >>> model.fit(batches, epochs=3, verbose=progress())
    """
    redraws = "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
    return 1 if redraws or sys.stdout.isatty() else 2
