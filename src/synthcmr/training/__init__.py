"""The one training loop, for generators and judges alike."""
