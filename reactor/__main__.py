"""``python -m reactor``."""

import sys

if __name__ == "__main__":
    try:
        from reactor.cli import main

        code = main()
    except KeyboardInterrupt:  # before the command line itself could see it
        code = 130
    sys.exit(code)
