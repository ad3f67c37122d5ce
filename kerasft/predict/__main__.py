"""`python -m kerasft.predict` is `kerasft predict`."""

import sys

from kerasft.cli.main import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]])
