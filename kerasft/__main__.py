"""`python -m kerasft` is `kerasft`."""

from kerasft.cli.main import main

if __name__ == "__main__":
    main()
