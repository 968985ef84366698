"""What a system's files say of what it is: one module for each kind of evidence, files in, facts out."""
