"""`python -m vestige` is the same as `vestige`."""

from __future__ import annotations

import sys

from vestige.cli.front import main

sys.exit(main(sys.argv))
