"""`python -m kerasft.serve` is `kerasft serve`."""

import sys

from kerasft.cli.main import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
