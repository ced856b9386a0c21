"""`python -m journeyflow`."""

from journeyflow.cli.main import main

main()
