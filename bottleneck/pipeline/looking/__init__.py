"""Looking into the data: what the rows of a store know of its images."""
