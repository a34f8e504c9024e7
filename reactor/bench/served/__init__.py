"""What servers under test serve. This folder is on their import path, so it holds nothing else."""
