"""The receiving side of telemetry: a small server for reports, their aggregates, and pages that show them.

Needs the extra `collector`; nothing outside this package and its command imports it.
"""
