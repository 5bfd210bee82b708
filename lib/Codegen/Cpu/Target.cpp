//===- Target.cpp - The processor that code is generated for --------------===//

#include "winnow/Codegen/Cpu/Target.h"

#include "winnow/Runtime/Call.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace llvm;

namespace winnow::cpu {

static const char kTriple[] = "x86_64-unknown-linux-gnu";

static Expected<const llvm::Target *> lookupX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
  std::string message;
  const llvm::Target *target =
      TargetRegistry::lookupTarget(Triple(kTriple), message);
  if (!target)
    return createStringError(message);
  return target;
}

/// CPUID's answer as an LLVM feature string, in a fixed order.
static std::string hostFeatures() {
  StringMap<bool> found = sys::getHostCPUFeatures();
  SmallVector<StringRef> names;
  for (const auto &feature : found)
    names.push_back(feature.getKey());
  llvm::sort(names);
  SubtargetFeatures features;
  for (StringRef name : names)
    features.AddFeature(name, found[name]);
  return features.getString();
}

Expected<winnow::cpu::Target> Target::get(StringRef name) {
  Expected<const llvm::Target *> x86 = lookupX86();
  if (!x86)
    return x86.takeError();
  Target result;
  bool host = name == "host";
  result.cpu = host ? sys::getHostCPUName().str() : name.str();
  if (host)
    result.features = hostFeatures();

  std::unique_ptr<MCSubtargetInfo> info((*x86)->createMCSubtargetInfo(
      Triple(kTriple), "x86-64", result.features));
  if (!info->isCPUStringValid(result.cpu))
    return createStringError("unknown target processor '" + name +
                             "'; expected host, x86-64-v3, x86-64-v4, or a "
                             "processor that LLVM knows, such as znver5");
  info.reset((*x86)->createMCSubtargetInfo(Triple(kTriple), result.cpu,
                                           result.features));
  auto has = [&](StringRef feature) {
    return info->checkFeatures(("+" + feature).str());
  };
  auto hasAll = [&](ArrayRef<StringRef> features) {
    return llvm::all_of(features, has);
  };
  if (!hasAll({"avx2", "fma", "f16c"}))
    return createStringError("target processor '" + name +
                             "' lacks AVX2, FMA or F16C");
  result.avx512 = hasAll({"avx512f", "avx512bw", "avx512vl", "avx512dq"});
  result.avx512Vnni = result.avx512 && has("avx512vnni");
  result.avxVnni = has("avxvnni");
  result.avx512Bf16 = result.avx512 && has("avx512bf16");
  result.prefetchesStreams = StringRef(result.cpu).starts_with("znver");

  // LLVM may use every feature of the processor, so the artifact needs all of
  // those that CPUID can tell, but for BF16, which prepareModule withholds from
  // code that does not ask for it.
  result.requiredFeatures = WINNOW_CPU_AVX2_FMA_F16C;
  auto require = [&](bool present, uint32_t bit) {
    if (present)
      result.requiredFeatures |= bit;
  };
  require(has("bmi2"), WINNOW_CPU_BMI2);
  require(result.avx512, WINNOW_CPU_AVX512_FBWVLDQ);
  require(result.avx512Vnni, WINNOW_CPU_AVX512_VNNI);
  require(result.avxVnni, WINNOW_CPU_AVX_VNNI);
  require(has("avx512vbmi"), WINNOW_CPU_AVX512_VBMI);
  require(has("avx512fp16"), WINNOW_CPU_AVX512_FP16);
  require(has("amx-int8"), WINNOW_CPU_AMX_INT8);
  require(has("amx-bf16"), WINNOW_CPU_AMX_BF16);
  return result;
}

Expected<std::unique_ptr<TargetMachine>> Target::createMachine() const {
  Expected<const llvm::Target *> x86 = lookupX86();
  if (!x86)
    return x86.takeError();
  std::string tuned = features;
  // 256-bit vectors by default would halve every kernel on some processors.
  if (avx512)
    tuned += (tuned.empty() ? "" : ",") + std::string("-prefer-256-bit");
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  std::unique_ptr<TargetMachine> machine((*x86)->createTargetMachine(
      Triple(kTriple), cpu, tuned, options, Reloc::PIC_, std::nullopt,
      CodeGenOptLevel::Aggressive));
  if (!machine)
    return createStringError("cannot create code generator for '" + cpu + "'");
  return machine;
}

} // namespace winnow::cpu
