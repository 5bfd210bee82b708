//===- FuzzManifest.cpp - Any text as the manifest of an artifact ---------===//
//
// Does with the input what winnow-run does with a manifest: renders it and
// computes the work of its stages.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "winnow-run/Inspect.h"
#include "winnow-run/Profile.h"

using namespace winnow::run;
using winnow::fuzz::require;

/// The texts of a value have to survive being written and read.
static void checkStrings(const Json &value) {
  if (value.kind == Json::Kind::String) {
    std::string error;
    std::optional<Json> read = parseJson(quoteJson(value.text), error);
    require(read && read->text == value.text);
  }
  for (const Json &item : value.items)
    checkStrings(item);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string error;
  std::optional<Json> manifest =
      parseJson(winnow::fuzz::view(data, size), error);
  if (!manifest) {
    require(!error.empty());
    return 0;
  }
  checkStrings(*manifest);
  renderManifest(*manifest);
  std::optional<std::vector<EntryInfo>> entries = readStages(*manifest, error);
  require(entries || !error.empty());
  if (entries)
    for (const EntryInfo &entry : *entries)
      for (const StageInfo &stage : entry.stages)
        stage.work({3, 5}, 7);
  return 0;
}
