"""What ranks tell torch by the environment."""

import os

# Monarch sets these in each rank,
_RANK = {
    "MASTER_ADDR": "localhost", "MASTER_PORT": "0", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0", "ROLE_RANK": "0",
    "ROLE_NAME": "rank", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "GROUP_WORLD_SIZE": "1", "ROLE_WORLD_SIZE": "1",
}
# and TorchTitan these, to such values.
_GROUPS = {
    "TORCH_NCCL_ASYNC_ERROR_HANDLING": "3", "TORCH_NCCL_DUMP_ON_TIMEOUT": "1", "TORCH_FR_BUFFER_SIZE": "0",
    "TORCH_FR_DUMP_TEMP_FILE": "", "PYTHONHASHSEED": "random",
}


def reserve() -> None:
    """Gives each variable a place, before anything of Monarch is imported, whose processes inherit it. A thread of theirs reads
    variables while a rank sets its own, and in the C library that ends a process whose environment grows just then; what is there
    already is only changed."""
    for name, value in (_RANK | _GROUPS).items():
        os.environ.setdefault(name, value)
