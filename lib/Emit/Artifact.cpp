//===- Artifact.cpp - Writes the files of an artifact ---------------------===//
//
// Code generation and the writing of weights are independent, so they run side
// by side. The build id is a hash of both results: it pairs the library with
// its weights.
//
//===----------------------------------------------------------------------===//

#include "winnow/Emit/Artifact.h"

#include "Descriptor.h"
#include "Link.h"
#include "Manifest.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Emit/Weights.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>
#include <thread>

using namespace llvm;

namespace winnow {

/// The text of include/winnow/Artifact.h.
static const char kArtifactHeader[] = {
#include "ArtifactHeader.inc"
    , 0};

std::string apiSymbolOf(StringRef name) {
  std::string symbol;
  if (!name.empty() && isDigit(name[0]))
    symbol = "_";
  for (char c : name)
    symbol += isAlnum(c) ? c : '_';
  return symbol + "_winnow_api";
}

namespace {

/// Files that appear together: each is written under a temporary name, and
/// commit() renames them all. Whatever is not committed is removed.
class OutputFiles {
public:
  ~OutputFiles() {
    for (const auto &[temporary, final] : files) {
      sys::fs::remove(temporary);
      sys::DontRemoveFileOnSignal(temporary);
    }
  }

  /// A temporary name beside `final`.
  Expected<std::string> add(const Twine &final) {
    SmallString<256> temporary;
    if (std::error_code code = sys::fs::createUniqueFile(
            final + ".tmp-%%%%%%%%", temporary))
      return createStringError(code, "cannot write '" + final.str() +
                                         "': " + code.message());
    sys::RemoveFileOnSignal(temporary);
    files.emplace_back(temporary.str().str(), final.str());
    return temporary.str().str();
  }

  Error addText(const Twine &final, StringRef text) {
    Expected<std::string> temporary = add(final);
    if (!temporary)
      return temporary.takeError();
    std::error_code code;
    raw_fd_ostream stream(*temporary, code);
    stream << text;
    stream.close();
    if (stream.has_error()) {
      code = stream.error();
      stream.clear_error();
      return createStringError(code, "cannot write '" + final.str() +
                                         "': " + code.message());
    }
    return Error::success();
  }

  Error commit() {
    for (auto &[temporary, final] : files)
      if (std::error_code code = sys::fs::rename(temporary, final))
        return createStringError(code, "cannot write '" + final +
                                           "': " + code.message());
    for (auto &[temporary, final] : files)
      sys::DontRemoveFileOnSignal(temporary);
    files.clear();
    return Error::success();
  }

private:
  std::vector<std::pair<std::string, std::string>> files;
};

} // namespace

/// Machine code of the entries and kernels.
static Expected<SmallVector<char, 0>>
generateKernels(mlir::ModuleOp module, const cpu::Target &target) {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> translated =
      translateToLlvm(module, target, context);
  if (!translated)
    return translated.takeError();
  if (Error error = optimizeLlvm(**translated, target))
    return std::move(error);
  SmallVector<char, 0> object;
  raw_svector_ostream stream(object);
  if (Error error = writeNativeCode(**translated, target,
                                    NativeCodeKind::Object, stream))
    return std::move(error);
  return object;
}

static Expected<SmallVector<char, 0>>
generateDescriptor(mlir::ModuleOp module, const cpu::Target &target,
                   const DescriptorFacts &facts) {
  LLVMContext context;
  Module descriptor("winnow_descriptor", context);
  Expected<std::unique_ptr<TargetMachine>> machine = target.createMachine();
  if (!machine)
    return machine.takeError();
  prepareModule(descriptor, **machine);
  addDescriptor(descriptor, module, facts);
  SmallVector<char, 0> object;
  raw_svector_ostream stream(object);
  if (Error error = writeNativeCode(descriptor, target, NativeCodeKind::Object,
                                    stream))
    return std::move(error);
  return object;
}

Error emitArtifact(mlir::ModuleOp module, const Checkpoint *checkpoint,
                   const cpu::Target &target, ArtifactOptions options) {
  auto progress = [&](StringRef what, double done) {
    if (options.progress)
      options.progress(what, done);
  };
  StringRef name = sys::path::filename(options.output);
  if (name.empty())
    return createStringError("the output '" + options.output +
                             "' has no file name");
  OutputFiles files;
  Expected<std::string> libraryPath = files.add(
      options.output + Twine(options.staticLibrary ? ".a" : ".so"));
  if (!libraryPath)
    return libraryPath.takeError();

  // Weights on this thread and its helpers, code on another one.
  Expected<std::vector<WeightTensor>> tensors =
      planWeightTensors(module, checkpoint);
  if (!tensors)
    return tensors.takeError();
  WeightsArchive::Options archiveOptions;
  archiveOptions.threads = options.threads;
  archiveOptions.progress = [&](uint64_t done, uint64_t total, StringRef) {
    progress("writing weights", total ? double(done) / total : 1);
  };
  Expected<WeightsArchive> archive = WeightsArchive::create(
      options.output + ".weights", std::move(*tensors), archiveOptions);
  if (!archive)
    return archive.takeError();
  std::vector<LoweredWeight> weights = getLoweredWeights(module);
  for (auto [weight, offset] : zip_equal(weights, archive->getOffsets()))
    if (static_cast<uint64_t>(weight.offset) != offset)
      return createStringError("weight '" + weight.name +
                               "' is not where the code expects it");

  Expected<SmallVector<char, 0>> kernels = SmallVector<char, 0>();
  std::thread codegen([&] { kernels = generateKernels(module, target); });
  Error written = archive->write();
  codegen.join();
  if (!kernels) {
    consumeError(std::move(written));
    return kernels.takeError();
  }
  if (written)
    return written;
  progress("linking", 0);

  DescriptorFacts facts;
  facts.name = name.str();
  facts.apiSymbol = apiSymbolOf(name);
  facts.targetCpu = target.cpu;
  facts.cpuFeatures = target.requiredFeatures;
  facts.weightBytes = archive->getDataSize();
  facts.buildId = {archive->getHash(),
                   xxh3_64bits(ArrayRef<uint8_t>(
                       reinterpret_cast<const uint8_t *>(kernels->data()),
                       kernels->size()))};
  std::string manifest =
      makeManifest(module, checkpoint, target, facts, options.manifest);
  facts.manifest = manifest;
  Expected<SmallVector<char, 0>> descriptor =
      generateDescriptor(module, target, facts);
  if (!descriptor)
    return descriptor.takeError();

  // Objects for the linker; they never get their final names.
  std::vector<std::string> objects;
  scope_exit removeObjects([&] {
    for (const std::string &object : objects) {
      sys::fs::remove(object);
      sys::DontRemoveFileOnSignal(object);
    }
  });
  for (const SmallVector<char, 0> *object : {&*kernels, &*descriptor}) {
    SmallString<128> path;
    int descriptorNumber;
    if (std::error_code code = sys::fs::createTemporaryFile(
            "winnow", "o", descriptorNumber, path))
      return createStringError(code, "cannot create a temporary file: " +
                                         code.message());
    objects.push_back(path.str().str());
    sys::RemoveFileOnSignal(path);
    raw_fd_ostream stream(descriptorNumber, /*shouldClose=*/true);
    stream.write(object->data(), object->size());
    stream.close();
    if (stream.has_error()) {
      stream.clear_error();
      return createStringError("cannot write the temporary file '" + path +
                               "'");
    }
  }
  Error linked =
      options.staticLibrary
          ? linkStaticLibrary(objects, facts.apiSymbol, *libraryPath)
          : linkSharedLibrary(objects, (name + ".so").str(), facts.apiSymbol,
                              *libraryPath);
  if (linked)
    return linked;

  std::string header = kArtifactHeader;
  std::string declaration =
      "#ifdef __cplusplus\nextern \"C\"\n#endif\n"
      "const winnow_api *" + facts.apiSymbol + "(void);\n";
  if (Error error = files.addText(options.output + Twine(".h"),
                                  header + "\n" + declaration))
    return error;
  if (Error error = files.addText(options.output + Twine(".json"), manifest))
    return error;
  if (!options.tokenizer.empty())
    if (Error error = files.addText(options.output + Twine(".tokenizer"),
                                    options.tokenizer))
      return error;
  if (!options.kernels.empty())
    if (Error error = files.addText(options.output + Twine(".kernels.mlir"),
                                    options.kernels))
      return error;
  if (Error error = archive->finish(facts.buildId))
    return error;
  return files.commit();
}

} // namespace winnow
