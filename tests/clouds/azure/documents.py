"""Resources as Azure Resource Manager writes them."""

from typing import Any

SUBSCRIPTION = "b3f0c1de-0000-4000-8000-00000000000a"
OTHER = "b3f0c1de-0000-4000-8000-00000000000b"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Web-RG/providers/Microsoft.Compute"
MARKETPLACE = {"publisher": "RedHat", "offer": "RHEL", "sku": "9_4", "version": "9.4.2024053113"}


def machine(reference: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/virtualMachines/Web01",
        "name": "Web01",
        "type": "Microsoft.Compute/virtualMachines",
        "location": "westeurope",
        "properties": {
            "vmId": "4f1c",
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "storageProfile": {
                "imageReference": MARKETPLACE if reference is None else reference,
                "osDisk": {
                    "osType": "Linux",
                    "name": "os",
                    "managedDisk": {"id": f"{GROUP}/disks/os", "storageAccountType": "Premium_LRS"},
                },
            },
            **properties,
        },
    }


def agent(name: str, version: str) -> dict[str, Any]:
    return {"osName": name, "osVersion": version, "statuses": [{"code": "PowerState/running"}]}
