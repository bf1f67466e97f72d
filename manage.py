#!/usr/bin/env python
"""Django's command line, and `up`, which starts everything."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ens_project.settings")
    # The settings demand secrets: `up` may have to make them first, and any other command finds
    # those of the `up --demo` that runs.
    from ens_project.supervisor import prepare_environment

    prepare_environment(sys.argv, os.environ)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
