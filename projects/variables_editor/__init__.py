"""What the pages of a project's variables are made of."""
