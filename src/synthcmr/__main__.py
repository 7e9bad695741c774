"""`python -m synthcmr` is the command line."""

from synthcmr.cli.app import main

main()
