//===- Weights.h - The mapped file NAME.weights -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_WEIGHTS_H
#define WINNOW_LIB_RUNTIME_WEIGHTS_H

#include "winnow/Artifact.h"
#include "winnow/Runtime/Call.h"

namespace winnow {
namespace runtime {

/// NAME.weights, mapped read-only. The file is untrusted: everything that the
/// code reads through the mapping lies inside [data, data + dataSize).
class Weights {
public:
  /// Maps `path` and checks that it belongs to `artifact` and is complete.
  winnow_status open(const char *path, const winnow_artifact_info &artifact,
                     winnow_error *error);
  void close();

  /// Hashes the tensor data and compares with the header.
  winnow_status verify(winnow_error *error) const;

  /// Start of the tensor data, aligned to WINNOW_WEIGHTS_ALIGNMENT.
  const uint8_t *data() const { return mapping + dataStart; }
  uint64_t dataSize() const { return fileSize - dataStart; }
  uint64_t size() const { return fileSize; }

private:
  winnow_status check(const char *path, const winnow_artifact_info &artifact,
                      winnow_error *error);

  const uint8_t *mapping = nullptr;
  uint64_t fileSize = 0;
  uint64_t dataStart = 0;
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_WEIGHTS_H
