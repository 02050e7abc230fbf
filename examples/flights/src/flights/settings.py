"""Project settings, read by Kedro: see `kedro.framework.project`."""

from flights.hooks import OwnUsageHook
from flights.package_file import package_file

HOOKS = (OwnUsageHook(),)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"package_file": package_file},
}
