"""lit configuration: .mlir and .test files, Winnow's and LLVM's tools on PATH."""

import os
from pathlib import Path

import lit.formats

config.name = "Winnow"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = os.path.dirname(__file__)
config.suffixes = [".mlir", ".test"]
# pytest runs these two.
config.excludes = ["EndToEnd", "Golden", "Inputs"]

tools = [config.winnow_tools_dir, config.llvm_tools_dir]
config.environment["PATH"] = os.pathsep.join([*tools, config.environment["PATH"]])
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%mlir_includes", " ".join(config.mlir_include_dirs)))
config.substitutions.append(("%source_root", str(Path(config.test_source_root).parent)))


def host_features() -> set[str]:
    """Instruction sets of this processor, by their names in /proc/cpuinfo: what
    only some hosts can run says so with REQUIRES."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":")[1].split())
    return set()


config.available_features |= {
    f"host-{name}"
    for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
    if name in host_features()
}
