"""Images of disks in files: what holds a disk in, the disk out."""
