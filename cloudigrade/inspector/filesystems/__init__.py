"""Filesystems: a volume in, files by inode out."""
