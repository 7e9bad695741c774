"""What was learned from patients, what it spent of their privacy, and what may be promised of something that is to be given away."""
