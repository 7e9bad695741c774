"""A flow in a few steps: a student that leaps along the guided trajectories of a trained flow."""
