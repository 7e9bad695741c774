"""Statistics that several rooms need: intervals by bootstrap over subjects, ROC and AUC, permutations, distances between distributions."""
