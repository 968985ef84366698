"""Microsoft Azure: what Resource Manager says of virtual machines and images."""
