"""What this processor multiplies by itself."""

from pathlib import Path


def has_bfloat16() -> bool:
    """Whether it multiplies bfloat16 (AMX, AVX512-BF16, Arm's BF16)."""
    return bool(_flags() & {"amx_bf16", "avx512_bf16", "bf16"})


def has_int8() -> bool:
    """Whether it sums products of int8 in 32 bits (AMX, AVX512-VNNI, AVX-VNNI)."""
    return bool(_flags() & {"amx_int8", "avx512_vnni", "avx_vnni"})


def _flags() -> set[str]:
    cpuinfo = Path("/proc/cpuinfo")
    return set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
