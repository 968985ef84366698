"""Whose keys sign packages: key ids as data."""

from typing import Final

RED_HAT: Final = "Red Hat"

# Red Hat's keys for packages. Sources: "Product signing keys" (access.redhat.com/security/team/key), the public
# keys that RHEL 10 ships as RPM-GPG-KEY-redhat-release, and the tables of two public Red Hat projects, insights-core
# (PRODUCT_SIGNING_KEYS) and leapp-repository (gpg-signatures.json).
_RED_HAT: Final = {
    "199e2f91fd431d51": "release key 2",
    "fcd355b305707a62": "release key 4",  # version 6, ML-DSA-87 with Ed448; RHEL 10.1 on
    "5054e4a45a6340b3": "auxiliary key 3",
    "f76f66c3d4082792": "auxiliary key 2",
    "45689c882fa658e0": "auxiliary key",
    "5326810137017186": "release key",
    "219180cddb42a60e": "former release key",
    "7514f77d8366b0d9": "another release key",
    "fd372689897da07a": "beta key",
    "938a80caf21541eb": "beta key 2",
}

# Those of distributions that are like RHEL, so that packages can be told apart; not complete and need not be. Sources:
# leapp-repository and uyuni (tables of vendors' keys), the distributions' own pages of keys.
_OTHERS: Final = {
    "CentOS": (
        "24c6a8a7f4a80eb5",
        "05b555b38483c65d",
        "4eb84e71f2ee9d55",
        "0946fca2c105b9de",
        "a8a447dce8562897",
        "2802e89216ff0e46",
        "a53d0bab443e1821",
        "7049e44d025e513b",
    ),
    "Oracle Linux": (
        "72f97b74ec551f03",
        "82562ea9ad986da3",
        "bc4d06a08d8b756f",
        "a7dd07088b4efbe6",
        "66ced3de1e5e0159",
        "2e2bcdbcb38a8516",
    ),
    "Rocky Linux": ("15af5dac6d745a60", "702d426d350d275d", "5b106c736fedfc85"),
    "AlmaLinux": (
        "51d6647ec21ad6ea",
        "d36cb86cb86b3716",
        "2ae81e8aced7258b",
        "429785e181b961a5",
        "d07bf2a08d50eb66",
    ),
    "Amazon Linux": ("11cf1f95c87f5b1a", "e951904ad832c631"),
    "Scientific Linux": ("25dbef78a7048f8d", "915d75e09b1fd350", "b0b4183f192a7d7d"),
    "Fedora": (
        "b44269d04f2a6fd2",
        "1dc5c758d22e77f2",
        "9d1cc34857bbccba",
        "7edc6ad6e8e40fde",
        "421caddb97a1071f",
        "b4ebf579069c8460",
        "067f00b6a82ba4b7",
        "50e94c991aca3465",
        "0983129322b3b81a",
        "07477e65fb4b18e6",
        "2eb161fa246110c1",
        "89ad4e8795a43f54",
        "11adc0948e1431d5",
        "32474cf834ec9cba",
        "73bde98381b46521",
        "f55ad3fb5323552a",
    ),
    "SUSE": ("a84edae89c800aca", "e3a5c360307e3d54", "8efe1bc4d4ade9c3"),
    "EPEL": (
        "119cc036217521f6",
        "3b49df2a0608b895",
        "6a2faea2352c64e5",
        "21ea45ab2f86d6a1",
        "8a3872bf3228467c",
        "33d98517e37ed158",
    ),
}

DISTRIBUTIONS: Final = frozenset(_OTHERS) - {"EPEL"}
"""Signers of whole systems; EPEL's packages are on RHEL as well as on what is like it."""

BY_KEY: Final = {
    **dict.fromkeys(_RED_HAT, RED_HAT),
    **{key: signer for signer, keys in _OTHERS.items() for key in keys},
}


def signer(keys: tuple[str, ...]) -> str:
    """Who signed a package, Red Hat first if among several; empty for nobody that is known."""
    known = {BY_KEY[key] for key in keys if key in BY_KEY}
    return RED_HAT if RED_HAT in known else min(known, default="")
