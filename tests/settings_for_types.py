"""What the type checker's Django plug-in reads: the settings, with an environment to read."""

import tests.environment  # noqa: F401  sets the environment
from ens_project.settings import *  # noqa: F403
