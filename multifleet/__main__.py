"""`python -m multifleet`."""

import sys

from multifleet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
