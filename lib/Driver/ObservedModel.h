//===- ObservedModel.h - A compiled model with taps -------------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_OBSERVEDMODEL_H
#define WINNOW_LIB_DRIVER_OBSERVEDMODEL_H

#include "winnow/Client/Artifact.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <memory>
#include <string>
#include <vector>

namespace winnow {

/// An artifact that winnow-observe gave taps, loaded and run on tokens.
class ObservedModel {
public:
  /// What `winnow.observed` of the manifest says of a tap.
  struct Tap {
    std::string kind, name;
    std::vector<size_t> outputs;
  };
  /// The rows that the last run gave for an output.
  struct Output {
    int64_t width = 0;
    std::vector<float> rows;
  };

  /// Loads the artifact with the path `name`, without extension.
  static llvm::Expected<std::unique_ptr<ObservedModel>>
  open(llvm::StringRef name, unsigned threads);

  llvm::ArrayRef<Tap> getTaps() const { return taps; }
  llvm::ArrayRef<Output> getOutputs() const { return outputs; }
  /// Tokens that a text may have.
  int64_t getContext() const { return artifact->info().context; }
  int64_t getVocabulary() const { return artifact->info().vocabulary; }
  bool isDecoder() const { return decodes; }

  /// Runs on tokens that follow those of the calls before (decoders), or on
  /// whole texts, of a segment each (encoders).
  llvm::Error run(llvm::ArrayRef<int32_t> ids,
                  llvm::ArrayRef<int32_t> positions,
                  llvm::ArrayRef<int32_t> segments);
  /// Forgets all tokens.
  void reset() { session->reset(); }

private:
  ObservedModel() = default;
  llvm::Error readManifest();

  std::unique_ptr<client::Artifact> artifact;
  std::unique_ptr<client::Session> session;
  std::string entry;
  bool decodes = false;
  std::vector<std::string> inputNames;
  std::vector<Tap> taps;
  std::vector<Output> outputs;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_OBSERVEDMODEL_H
