"""``python -m reactor.load``: the load generator as a child process."""

import sys

from reactor.load.session import main

if __name__ == "__main__":
    sys.exit(main())
