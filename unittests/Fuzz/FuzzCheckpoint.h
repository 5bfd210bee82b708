//===- FuzzCheckpoint.h - A checkpoint that a reader accepted ---*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_FUZZ_FUZZ_CHECKPOINT_H
#define WINNOW_UNITTESTS_FUZZ_FUZZ_CHECKPOINT_H

#include "Fuzzing.h"

#include "winnow/Formats/Decode.h"
#include "winnow/Import/Checkpoint.h"

namespace winnow {
namespace fuzz {

/// Decodes the first row of each tensor.
inline void useCheckpoint(const Checkpoint &checkpoint) {
  for (const CheckpointTensor &tensor : checkpoint.getTensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    int64_t columns = tensor.shape.back();
    uint64_t bytes = llvm::cantFail(tensor.format->bytesOf(1, columns));
    std::vector<float> row(columns);
    llvm::cantFail(decode(*tensor.format, tensor.bytes.take_front(bytes), row));
  }
}

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_FUZZ_CHECKPOINT_H
