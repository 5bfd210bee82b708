//===- Llama.cpp - Llama, Mistral, SmolLM ---------------------------------===//

#include "../Families.h"

using namespace winnow;

static constexpr llvm::StringRef modelTypes[] = {"llama", "mistral"};

const Family winnow::llamaFamily = [] {
  Family family;
  family.name = family.architecture = "llama";
  family.modelTypes = modelTypes;
  family.ggufRopeLayout = RopeLayout::Interleaved;
  family.projectionBias = family.otherBias = Presence::Optional;
  family.ropeFactors = Presence::Optional;
  family.window = Presence::Required;
  return family;
}();
