"""Each claim in the README and the docs is a script here, with the peer in the same run."""
