"""`python -m kerasft.export` is `kerasft export`."""

import sys

from kerasft.cli.main import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
