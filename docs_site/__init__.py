"""What builds the documentation beside mkdocs: formulas without the web, and pages that are made from the code."""
