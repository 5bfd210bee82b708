//===- NativeCode.cpp - LLVM dialect to machine code ----------------------===//

#include "winnow/Emit/NativeCode.h"

#include "winnow/Runtime/Call.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/SplitModule.h"

using namespace llvm;

namespace winnow {

/// Objects that a module becomes. More of them would have more to do twice.
static constexpr size_t kObjects = 4;

static bool usesBf16(const Module &module) {
  return llvm::any_of(module, [](const Function &function) {
    return function.getName().starts_with("llvm.x86.avx512bf16.");
  });
}

uint32_t requiredFeatures(const Module &module, const cpu::Target &target) {
  return target.requiredFeatures |
         (usesBf16(module) ? WINNOW_CPU_AVX512_BF16 : 0);
}

void prepareModule(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  std::string features = machine.getTargetFeatureString().str();
  if (!usesBf16(module))
    features += (features.empty() ? "" : ",") + std::string("-avx512bf16");
  bool wide = machine.getMCSubtargetInfo()->checkFeatures("+avx512f");
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", features);
    function.addFnAttr("prefer-vector-width", wide ? "512" : "256");
    function.addFnAttr(Attribute::NoUnwind);
    function.addFnAttr(Attribute::MustProgress);
  }
}

Expected<std::unique_ptr<Module>> translateToLlvm(mlir::ModuleOp module,
                                                  const cpu::Target &target,
                                                  LLVMContext &context) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  std::unique_ptr<Module> translated =
      mlir::translateModuleToLLVMIR(module, context, "winnow");
  if (!translated)
    return createStringError("cannot translate the module to LLVM IR");
  Expected<std::unique_ptr<TargetMachine>> machine = target.createMachine();
  if (!machine)
    return machine.takeError();
  // Only entries are called from outside. Kernels stay functions of their own,
  // so that a profile shows them and equal calls share their code.
  for (Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    if (function.getName().starts_with("winnow_entry_")) {
      function.setVisibility(GlobalValue::HiddenVisibility);
      continue;
    }
    function.setLinkage(GlobalValue::InternalLinkage);
    function.addFnAttr(Attribute::NoInline);
  }
  prepareModule(*translated, **machine);
  return translated;
}

Error optimizeLlvm(Module &module, const cpu::Target &target) {
  Expected<std::unique_ptr<TargetMachine>> machine = target.createMachine();
  if (!machine)
    return machine.takeError();
  PipelineTuningOptions tuning;
  // Kernels are vectorized already; LLVM's vectorizers would only rearrange
  // their address arithmetic and spend time.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  PassBuilder builder(machine->get(), tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3)
      .run(module, modules);
  return Error::success();
}

/// The object of a module in bitcode.
static Error generateObject(ArrayRef<char> bitcode, const cpu::Target &target,
                            ObjectCode &object) {
  LLVMContext context;
  MemoryBufferRef buffer(StringRef(bitcode.data(), bitcode.size()), "part");
  Expected<std::unique_ptr<Module>> module = parseBitcodeFile(buffer, context);
  if (!module)
    return module.takeError();
  raw_svector_ostream stream(object);
  return writeNativeCode(**module, target, NativeCodeKind::Object, stream);
}

Expected<std::vector<ObjectCode>> generateObjects(Module &module,
                                                  const cpu::Target &target) {
  // A context is of one thread, so that parts go there as bitcode.
  std::vector<SmallVector<char, 0>> parts;
  SplitModule(module, kObjects, [&](std::unique_ptr<Module> part) {
    raw_svector_ostream stream(parts.emplace_back());
    WriteBitcodeToFile(*part, stream);
  });
  std::vector<ObjectCode> objects(parts.size());
  std::vector<std::string> failures(parts.size());
  DefaultThreadPool threads(hardware_concurrency(kObjects));
  for (size_t number = 0; number < parts.size(); ++number)
    threads.async([&, number] {
      if (Error error = generateObject(parts[number], target, objects[number]))
        failures[number] = toString(std::move(error));
    });
  threads.wait();
  for (const std::string &why : failures)
    if (!why.empty())
      return createStringError(why);
  return objects;
}

Error writeNativeCode(Module &module, const cpu::Target &target,
                      NativeCodeKind kind, raw_pwrite_stream &output) {
  Expected<std::unique_ptr<TargetMachine>> machine = target.createMachine();
  if (!machine)
    return machine.takeError();
  legacy::PassManager passes;
  CodeGenFileType type = kind == NativeCodeKind::Object
                             ? CodeGenFileType::ObjectFile
                             : CodeGenFileType::AssemblyFile;
  if ((*machine)->addPassesToEmitFile(passes, output, nullptr, type))
    return createStringError("cannot generate code for '" + target.cpu + "'");
  passes.run(module);
  return Error::success();
}

} // namespace winnow
