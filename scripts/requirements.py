"""Prints requirements, one a line: of the base install and the named extras, or of the build.

    python scripts/requirements.py train dev
    python scripts/requirements.py --build

`make setup` installs those of the build first; then packages and core are made at the same time.
"""

import sys
import tomllib
from pathlib import Path

content = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
project = content["project"]
if sys.argv[1:] == ["--build"]:
    wanted = [*content["build-system"]["requires"], "cmake", "ninja"]
else:
    wanted = list(project["dependencies"])
    for extra in sys.argv[1:]:
        wanted += project["optional-dependencies"][extra]
print("\n".join(dict.fromkeys(wanted)))
