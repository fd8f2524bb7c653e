"""What the lab can study: each task expands a study into jobs, and does one job."""
