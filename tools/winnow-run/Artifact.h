//===- Artifact.h - How winnow-run calls artifacts --------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_ARTIFACT_H
#define WINNOW_TOOLS_WINNOW_RUN_ARTIFACT_H

#include "Options.h"
#include "winnow/Client/Artifact.h"

namespace winnow {
namespace run {

using client::apiSymbol;
using client::Artifact;
using client::availableThreads;
using client::Session;

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_ARTIFACT_H
