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
#include "OutputFiles.h"
#include "RowRecoder.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Emit/TensorCache.h"
#include "winnow/Emit/Weights.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "llvm/Target/TargetMachine.h"

#include <optional>
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

/// Machine code of the entries and kernels, and the WINNOW_CPU_* bits it needs.
static Expected<std::vector<ObjectCode>>
generateKernels(mlir::ModuleOp module, const cpu::Target &target,
                uint32_t &features) {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> translated =
      translateToLlvm(module, target, context);
  if (!translated)
    return translated.takeError();
  features = requiredFeatures(**translated, target);
  if (Error error = optimizeLlvm(**translated, target))
    return std::move(error);
  return generateObjects(**translated, target);
}

static Expected<ObjectCode> generateDescriptor(mlir::ModuleOp module,
                                               const cpu::Target &target,
                                               const DescriptorFacts &facts) {
  LLVMContext context;
  Module descriptor("winnow_descriptor", context);
  Expected<std::unique_ptr<TargetMachine>> machine = target.createMachine();
  if (!machine)
    return machine.takeError();
  prepareModule(descriptor, **machine);
  addDescriptor(descriptor, module, facts);
  ObjectCode object;
  raw_svector_ostream stream(object);
  if (Error error =
          writeNativeCode(descriptor, target, NativeCodeKind::Object, stream))
    return std::move(error);
  return object;
}

namespace {

/// One artifact on its way to the files.
class ArtifactWriter {
public:
  ArtifactWriter(mlir::ModuleOp module, const Checkpoint *checkpoint,
                 const cpu::Target &target, ArtifactOptions options)
      : module(module), checkpoint(checkpoint), target(target),
        options(std::move(options)),
        name(sys::path::filename(this->options.output)) {}

  Error run();

private:
  Error createWeights();
  Error writeWeightsAndGenerateKernels();
  void describe();
  Error linkLibrary();
  Error writeTexts();
  /// False where the caller wants to stop.
  bool progress(StringRef what, double done) {
    return !options.progress || options.progress(what, done);
  }

  mlir::TimingScope time(StringRef step) {
    return options.timing ? options.timing->nest(step) : mlir::TimingScope();
  }

  mlir::ModuleOp module;
  const Checkpoint *checkpoint;
  const cpu::Target &target;
  ArtifactOptions options;
  std::string name;
  OutputFiles files;
  std::string libraryPath; ///< temporary
  std::optional<WeightsArchive> archive;
  std::vector<std::shared_ptr<const RowRecoder>> recoders;
  std::vector<ObjectCode> kernels;
  DescriptorFacts facts;
};

} // namespace

/// Makes only the first granule of each piece.
static void repeatFirstRows(WeightTensor &tensor) {
  auto produce = std::move(tensor.produce);
  tensor.produce = [produce, granule = tensor.granule](
                       uint64_t offset, MutableArrayRef<uint8_t> out) -> Error {
    MutableArrayRef<uint8_t> first = out.take_front(granule);
    if (Error error = produce(offset, first))
      return error;
    for (size_t at = first.size(); at < out.size(); at += granule)
      llvm::copy(first.take_front(out.size() - at), out.begin() + at);
    return Error::success();
  };
}

Error ArtifactWriter::createWeights() {
  Expected<PlannedWeights> planned = planWeightTensors(module, checkpoint);
  if (!planned)
    return planned.takeError();
  recoders = std::move(planned->recoders);
  if (options.sampled) {
    llvm::fill(recoders, nullptr);
    for (WeightTensor &tensor : planned->tensors)
      repeatFirstRows(tensor);
  } else if (options.cache) {
    for (auto [weight, tensor, recoder] :
         zip_equal(getLoweredWeights(module), planned->tensors, recoders))
      options.cache->attach(weight, tensor, recoder);
  }
  WeightsArchive::Options archiveOptions;
  archiveOptions.threads = options.threads;
  archiveOptions.progress = [this](uint64_t done, uint64_t total, StringRef) {
    return progress("writing weights", total ? double(done) / total : 1);
  };
  Expected<WeightsArchive> created = WeightsArchive::create(
      options.output + ".weights", std::move(planned->tensors), archiveOptions);
  if (!created)
    return created.takeError();
  archive.emplace(std::move(*created));
  std::vector<LoweredWeight> weights = getLoweredWeights(module);
  for (auto [weight, offset] : zip_equal(weights, archive->getOffsets()))
    if (static_cast<uint64_t>(weight.offset) != offset)
      return createStringError("weight '" + weight.name +
                               "' is not where the code expects it");
  return Error::success();
}

Error ArtifactWriter::writeWeightsAndGenerateKernels() {
  Error failed = Error::success();
  std::thread codegen([&] {
    mlir::TimingScope timing = time("machine code");
    ErrorAsOutParameter checked(&failed);
    Expected<std::vector<ObjectCode>> objects =
        generateKernels(module, target, facts.cpuFeatures);
    if (objects)
      kernels = std::move(*objects);
    else
      failed = objects.takeError();
  });
  mlir::TimingScope timing = time("weights");
  Error written = archive->write();
  timing.stop();
  codegen.join();
  return joinErrors(std::move(failed), std::move(written));
}

void ArtifactWriter::describe() {
  facts.name = name;
  facts.apiSymbol = apiSymbolOf(name);
  facts.targetCpu = target.cpu;
  facts.weightBytes = archive->getDataSize();
  ObjectCode code;
  for (const ObjectCode &object : kernels)
    code.append(object);
  facts.buildId = {archive->getHash(),
                   xxh3_64bits(StringRef(code.data(), code.size()))};
  facts.manifest =
      makeManifest(module, recoders, target, facts, options.manifest);
}

Error ArtifactWriter::linkLibrary() {
  mlir::TimingScope timing = time("link");
  Expected<ObjectCode> descriptor = generateDescriptor(module, target, facts);
  if (!descriptor)
    return descriptor.takeError();
  kernels.push_back(std::move(*descriptor));
  std::vector<std::string> objects;
  for (const ObjectCode &object : kernels) {
    Expected<std::string> path = files.addTemporary(object);
    if (!path)
      return path.takeError();
    objects.push_back(*path);
  }
  return options.staticLibrary
             ? linkStaticLibrary(objects, facts.apiSymbol, libraryPath)
             : linkSharedLibrary(objects, name + ".so", facts.apiSymbol,
                                 libraryPath);
}

Error ArtifactWriter::writeTexts() {
  std::string header = std::string(kArtifactHeader) +
                       "\n#ifdef __cplusplus\nextern \"C\"\n#endif\n"
                       "const winnow_api *" +
                       facts.apiSymbol + "(void);\n";
  std::pair<StringRef, StringRef> texts[] = {
      {".h", header},
      {".json", facts.manifest},
      {".tokenizer", options.tokenizer},
      {".kernels.mlir", options.kernels}};
  for (auto [suffix, text] : texts)
    if (!text.empty())
      if (Error error = files.addText(options.output + suffix, text))
        return error;
  return Error::success();
}

Error ArtifactWriter::run() {
  if (name.empty())
    return createStringError("the output '" + options.output +
                             "' has no file name");
  // Created first: an output that cannot be written fails at once.
  Expected<std::string> library =
      files.add(options.output + (options.staticLibrary ? ".a" : ".so"));
  if (!library)
    return library.takeError();
  libraryPath = *library;
  if (Error error = createWeights())
    return error;
  if (Error error = writeWeightsAndGenerateKernels())
    return error;
  if (!progress("linking", 0))
    return cancelled();
  describe();
  if (Error error = linkLibrary())
    return error;
  if (Error error = writeTexts())
    return error;
  if (Error error = archive->finish(facts.buildId))
    return error;
  // What an earlier artifact of this name left and this one does not have.
  if (options.tokenizer.empty())
    (void)sys::fs::remove(options.output + ".tokenizer");
  if (options.kernels.empty())
    (void)sys::fs::remove(options.output + ".kernels.mlir");
  return files.commit();
}

Error emitArtifact(mlir::ModuleOp module, const Checkpoint *checkpoint,
                   const cpu::Target &target, ArtifactOptions options) {
  return ArtifactWriter(module, checkpoint, target, std::move(options)).run();
}

} // namespace winnow
