"""One module a step; the order is in `revision` and `down_revision`."""
