"""`python -m kerasft.convert` is `kerasft convert`."""

import sys

from kerasft.cli.main import main

if __name__ == "__main__":
    main(["convert", *sys.argv[1:]])
