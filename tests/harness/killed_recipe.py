"""A recipe's own command line, but the process kills itself when a step of the run has ended.

python killed_recipe.py RECIPE STEP OPTIONS ...     (step -1: it is left alone)
"""

import os
import runpy
import signal
import sys
from pathlib import Path

SCRIPT = Path(__file__)


def main() -> None:
    """Runs the recipe that the first word names."""
    recipe, kill_at = sys.argv.pop(1), int(sys.argv.pop(1))
    from kerasft import training

    original = training.History.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        if len(self.losses) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    training.History.on_train_batch_end = on_train_batch_end
    runpy.run_module(f"kerasft.recipes.{recipe}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
