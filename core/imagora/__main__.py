"""`python -m imagora` is the program `imagora`."""

from .cli.main import main

if __name__ == "__main__":
    main()
