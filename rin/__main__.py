"""`python -m rin`: the command line, for when the script `rin` is not on the path."""

from rin.cli import main

if __name__ == "__main__":
    main()
