"""Which con-duct this stands for, and how that is written where con-duct writes its own version."""

from __future__ import annotations

from vestige._version import VERSION

CON_DUCT = "0.23.0"
SCHEMA = "0.2.3"
# A local version (PEP 440): equal to con-duct's own for whoever compares, and not taken for it by whoever looks.
DUCT_VERSION = f"{CON_DUCT}+vestige{VERSION}"
