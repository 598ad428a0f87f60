"""`python -m posable`, and `torchrun -m posable train ...`."""

from posable.cli.app import main

if __name__ == "__main__":
    main()
