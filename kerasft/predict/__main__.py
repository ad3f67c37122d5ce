"""`python -m kerasft.predict`; see `kerasft.predict.command`."""

from kerasft.predict.command import main

if __name__ == "__main__":
    main()
