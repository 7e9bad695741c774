"""Which remedy makes a classifier fairer: cheap ones and synthetic images, compared at equal cost on the same patients."""
