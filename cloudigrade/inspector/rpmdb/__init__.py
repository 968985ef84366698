"""Databases of installed packages in every form that RHEL has had: a file in, packages with their signatures out."""
