"""Prints the requirements of the base install and of the named extras, one a line.

`make setup` installs these before the package itself, so that the build tools and a pinned torch
are there when it is built.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
wanted = list(project["dependencies"])
for extra in sys.argv[1:]:
    wanted += project["optional-dependencies"][extra]
print("\n".join(wanted))
