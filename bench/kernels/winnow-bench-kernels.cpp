//===- winnow-bench-kernels.cpp - Speed of the linear kernels -------------===//
//
//   winnow-bench-kernels [--formats=q8_0,q4_k] [--rows=1,4,512] [--n=2048]
//       [--k=2048] [--team=1] [--target-cpu=host] [--activations=a8|bf16|f32]
//       [--seconds=1] [--bytes=320]
//
// Compiles the kernels as winnow-compile does and times them, best of as many
// passes as fit. Up to 16 rows the weights take `bytes` MB in all (several
// matrices where n x k is smaller), so that they come from memory; with more
// rows one matrix of n x k is multiplied. Shares are of the ceilings measured
// in the same run: read bandwidth, dot products of 8 bits or of bf16, or f32
// multiply-adds.
//
//===----------------------------------------------------------------------===//

#include "ceilings/ArithmeticPeaks.h"
#include "ceilings/ReadBandwidth.h"
#include "ceilings/Team.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Formats/Tile16.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <ctime>
#include <random>
#include <sys/mman.h>

using namespace winnow;
using namespace winnow::cpu;

namespace {

namespace cl = llvm::cl;
cl::OptionCategory category("Options of winnow-bench-kernels");
cl::list<std::string> formats("formats", cl::CommaSeparated, cl::cat(category));
cl::list<int64_t> rowCounts("rows", cl::CommaSeparated, cl::cat(category));
cl::opt<int64_t> nSize("n", cl::init(2048), cl::cat(category));
cl::opt<int64_t> kSize("k", cl::init(2048), cl::cat(category));
cl::opt<int> threadCount("team", cl::init(1), cl::cat(category));
cl::opt<std::string> cpuName("target-cpu", cl::init("host"), cl::cat(category));
cl::opt<std::string> activations("activations", cl::init("a8"),
                                 cl::cat(category));
cl::opt<double> seconds("seconds", cl::init(1.0), cl::cat(category));
cl::opt<int64_t> megabytes("bytes", cl::init(320), cl::cat(category));
cl::opt<std::string> assembly("assembly", cl::desc("write it to this file"),
                              cl::cat(category));
cl::opt<bool> noCeilings("no-ceilings", cl::cat(category));

/// Zeroed memory in huge pages where the system gives them.
class Pages {
public:
  explicit Pages(size_t bytes) : bytes(bytes) {
    data = static_cast<uint8_t *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (data == MAP_FAILED)
      llvm::report_fatal_error("out of memory");
    madvise(data, bytes, MADV_HUGEPAGE);
  }
  ~Pages() { munmap(data, bytes); }
  uint8_t *data;

private:
  size_t bytes;
};

struct Ceilings {
  double read = 0, arithmetic = 0;
};

} // namespace

/// Processor time of this thread: passes that were interrupted count as well.
static double threadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static double bestSeconds(const std::function<void(int)> &work) {
  double best = 1e30, total = 0;
  for (int pass = 0; pass < 3 || total < seconds; ++pass) {
    double time;
    if (threadCount == 1) {
      double start = threadSeconds();
      work(0);
      time = threadSeconds() - start;
    } else {
      time = ceilings::timeTeam(threadCount, work);
    }
    best = std::min(best, time);
    total += time;
  }
  return best;
}

static void benchmark(const Target &target, const LinearSpec &spec,
                      LinearFunction *kernel, RecodeFunction *recodeRow,
                      int64_t m, const Ceilings &ceilings) {
  int64_t n = nSize, k = kSize;
  int64_t matrixBytes = llvm::cantFail(tile16Bytes(spec.format, n, k));
  bool fromMemory = m <= 16;
  int64_t matrices =
      fromMemory ? std::max<int64_t>(1, (megabytes << 20) / matrixBytes) : 1;
  Pages weights(matrices * matrixBytes);
  std::mt19937 random(1);
  // Numbers of moderate size whatever the bytes mean.
  for (int64_t i = 0; i < matrices * matrixBytes; i += 4) {
    uint32_t bits = 0x20202020 | (random() & 0x1f1f1f1f);
    std::memcpy(weights.data + i, &bits, 4);
  }
  int64_t rounded = (m + 7) / 8 * 8;
  Pages x(rounded * k * 4),
      recoded(rounded * activationBytesPerRow(target, spec.activations, k));
  auto *values = reinterpret_cast<float *>(x.data);
  for (int64_t i = 0; i < m * k; ++i)
    values[i] = float(random() % 2001) / 1000 - 1;
  bool f32 = spec.activations == Activations::F32;
  for (int64_t row = 0; row < m && !f32; ++row)
    recodeRow(values + row * k, recoded.data, row, m, k);
  Pages y(rounded * n * 4);
  int64_t scratchBytes = linearScratchBytes(target, spec, rounded, k);
  Pages scratch(threadCount * scratchBytes);
  double time = bestSeconds([&](int thread) {
    for (int64_t i = 0; i < matrices; ++i)
      kernel(f32 ? x.data : recoded.data, weights.data + i * matrixBytes,
             nullptr, reinterpret_cast<float *>(y.data), m, n, k, k, n,
             scratch.data + thread * scratchBytes, thread, threadCount);
  });
  double operations = 2.0 * m * n * k * matrices / time;
  double bytes = double(matrixBytes) * matrices / time;
  llvm::outs() << llvm::format("%-8s rows %4d  %8.1f GOP/s",
                               spec.format.c_str(), int(m), operations * 1e-9);
  if (ceilings.arithmetic)
    llvm::outs() << llvm::format(" (%4.1f %%)",
                                 100 * operations / ceilings.arithmetic);
  if (fromMemory) {
    llvm::outs() << llvm::format("  %6.2f GB/s", bytes * 1e-9);
    if (ceilings.read)
      llvm::outs() << llvm::format(" (%4.1f %%)", 100 * bytes / ceilings.read);
  }
  llvm::outs() << "\n";
  llvm::outs().flush();
}

static llvm::Error run() {
  auto target = Target::get(cpuName);
  if (!target)
    return target.takeError();
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect,
                  mlir::scf::SCFDialect, mlir::vector::VectorDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  static const struct {
    llvm::StringRef name;
    Activations activations;
    llvm::StringRef ceiling;
  } kKinds[] = {{"a8", Activations::A8B32, "u8s8_dot"},
                {"bf16", Activations::BF16, "bf16_dot"},
                {"f32", Activations::F32, "f32_fma"}};
  const auto *kind = llvm::find_if(
      kKinds, [](const auto &row) { return row.name == activations; });
  if (kind == std::end(kKinds))
    return llvm::createStringError("unknown activations '" + activations + "'");
  std::vector<std::pair<LinearSpec, std::string>> kernels;
  for (const std::string &format : formats) {
    LinearSpec spec;
    spec.format = format;
    spec.activations = kind->activations;
    auto kernel = getLinearKernel(*module, *target, spec);
    if (!kernel)
      return kernel.takeError();
    kernels.push_back({spec, kernel->getName().str()});
  }
  std::string recoderName;
  if (kind->activations != Activations::F32)
    recoderName =
        getRecodeRowKernel(*module, *target, kind->activations).getName();

  auto start = std::chrono::steady_clock::now();
  mlir::PassManager passes(&context);
  buildLowerToLlvmPipeline(passes);
  if (mlir::failed(passes.run(*module)))
    return llvm::createStringError("lowering failed");
  llvm::LLVMContext llvmContext;
  auto translated = translateToLlvm(*module, *target, llvmContext);
  if (!translated)
    return translated.takeError();
  // An artifact shows its entries only.
  for (llvm::Function &function : **translated)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
  if (llvm::Error error = optimizeLlvm(**translated, *target))
    return error;
  if (!assembly.empty()) {
    std::error_code code;
    llvm::raw_fd_ostream file(assembly, code);
    if (code)
      return llvm::createStringError(code, assembly);
    return writeNativeCode(**translated, *target, NativeCodeKind::Assembly,
                           file);
  }
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  if (llvm::Error error = writeNativeCode(**translated, *target,
                                          NativeCodeKind::Object, stream))
    return error;
  llvm::outs() << llvm::format(
      "compiled in %.2f s\n",
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count());
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  if (llvm::Error error =
          (*jit)->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(
              std::move(object), false)))
    return error;

  Ceilings ceilings;
  if (!noCeilings) {
    ceilings::ReadSettings settings;
    settings.threads = threadCount;
    ceilings.read = ceilings::measureReadBandwidth(settings).bytesPerSecond;
    llvm::outs() << llvm::format("read %.2f GB/s\n", ceilings.read * 1e-9);
    for (auto &peak : ceilings::measureArithmeticPeaks(threadCount)) {
      llvm::outs() << llvm::format("%s %.1f GOP/s\n", peak.key.c_str(),
                                   peak.operationsPerSecond * 1e-9);
      if (peak.key == kind->ceiling)
        ceilings.arithmetic = peak.operationsPerSecond;
    }
  }
  RecodeFunction *recodeRow = nullptr;
  if (!recoderName.empty()) {
    auto symbol = (*jit)->lookup(recoderName);
    if (!symbol)
      return symbol.takeError();
    recodeRow = symbol->toPtr<RecodeFunction *>();
  }
  for (auto &[spec, name] : kernels) {
    auto symbol = (*jit)->lookup(name);
    if (!symbol)
      return symbol.takeError();
    for (int64_t m : rowCounts)
      benchmark(*target, spec, symbol->toPtr<LinearFunction *>(), recodeRow, m,
                ceilings);
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Speed of the linear kernels\n");
  if (formats.empty() && activations == "bf16")
    formats.push_back("bf16");
  if (formats.empty())
    for (const char *format : {"q8_0", "q5_0", "q4_0", "q4_k", "q6_k"})
      formats.push_back(format);
  if (rowCounts.empty())
    for (int64_t rows : {1, 2, 4, 8, 16, 512})
      rowCounts.push_back(rows);
  if (llvm::Error error = run()) {
    llvm::errs() << "winnow-bench-kernels: error: "
                 << toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
