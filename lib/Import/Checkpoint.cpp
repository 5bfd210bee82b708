//===- Checkpoint.cpp - Named tensors in memory-mapped files --------------===//

#include "winnow/Import/Checkpoint.h"

using namespace winnow;

Checkpoint::~Checkpoint() = default;

const CheckpointTensor *Checkpoint::find(llvm::StringRef name) const {
  auto it = indexOfName.find(name);
  return it == indexOfName.end() ? nullptr : &tensors[it->second];
}

uint64_t Checkpoint::getTensorBytes() const {
  uint64_t sum = 0;
  for (const CheckpointTensor &tensor : tensors)
    sum += tensor.bytes.size();
  return sum;
}

bool Checkpoint::add(CheckpointTensor tensor) {
  if (!indexOfName.try_emplace(tensor.name, tensors.size()).second)
    return false;
  tensors.push_back(std::move(tensor));
  return true;
}
