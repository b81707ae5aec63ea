"""`python -m rin`: the command line, where no script is on the path."""

from rin.cli import main

if __name__ == "__main__":
    main()
