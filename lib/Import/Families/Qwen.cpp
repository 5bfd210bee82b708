//===- Qwen.cpp - Qwen2, Qwen3 --------------------------------------------===//

#include "../Families.h"

using namespace winnow;

static constexpr llvm::StringRef qwen2Types[] = {"qwen2"};
static constexpr llvm::StringRef qwen3Types[] = {"qwen3"};

const Family winnow::qwen2Family = [] {
  Family family;
  family.name = family.architecture = "qwen2";
  family.modelTypes = qwen2Types;
  family.projectionBias = Presence::Required;
  family.window = Presence::Optional;
  return family;
}();

const Family winnow::qwen3Family = [] {
  Family family;
  family.name = family.architecture = "qwen3";
  family.modelTypes = qwen3Types;
  family.queryKeyNorm = Presence::Required;
  family.window = Presence::Optional;
  return family;
}();
