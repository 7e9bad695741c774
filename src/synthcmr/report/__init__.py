"""Pages for people: offline HTML with everything inside, and the JSON that says the same."""
