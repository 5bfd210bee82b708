//===- ObservedModel.cpp - A compiled model with taps ---------------------===//

#include "ObservedModel.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace llvm;

namespace winnow {

/// What the manifest lacks that this process has just written.
static Error malformed() {
  return createStringError("the manifest of the calibration program is not "
                           "what winnow-return-observed leaves");
}

Error ObservedModel::readManifest() {
  Expected<json::Value> manifest = json::parse(artifact->info().manifest_json);
  if (!manifest)
    return manifest.takeError();
  const json::Object *object = manifest->getAsObject();
  const json::Array *entries = object ? object->getArray("entries") : nullptr;
  const json::Array *observed = object ? object->getArray("observed") : nullptr;
  if (!entries || entries->size() != 1 || !observed)
    return malformed();
  const json::Object *described = (*entries)[0].getAsObject();
  entry = described->getString("name")->str();
  decodes = !described->getArray("caches")->empty();
  for (const json::Value &input : *described->getArray("inputs")) {
    std::string name = input.getAsObject()->getString("name")->str();
    if (!is_contained({"ids", "positions", "segments", "types", "rows"}, name))
      return createStringError("the model takes '" + name +
                               "', which a text does not give");
    inputNames.push_back(std::move(name));
  }
  for (const json::Value &output : *described->getArray("outputs")) {
    const json::Array *shape = output.getAsObject()->getArray("shape");
    if (!shape || shape->size() != 2)
      return malformed();
    outputs.emplace_back().width = (*shape)[1].getAsInteger().value_or(0);
  }
  for (const json::Value &value : *observed) {
    const json::Object *tap = value.getAsObject();
    Tap &added = taps.emplace_back();
    added.kind = tap->getString("kind")->str();
    added.name = tap->getString("name")->str();
    for (const json::Value &number : *tap->getArray("outputs"))
      added.outputs.push_back(number.getAsInteger().value_or(0));
    if (any_of(added.outputs, [&](size_t n) { return n >= outputs.size(); }))
      return malformed();
  }
  return Error::success();
}

Expected<std::unique_ptr<ObservedModel>> ObservedModel::open(StringRef name,
                                                             unsigned threads) {
  std::unique_ptr<ObservedModel> opened(new ObservedModel);
  std::string message;
  opened->artifact = client::Artifact::open(name.str(), message);
  if (!opened->artifact)
    return createStringError(message);
  if (Error error = opened->readManifest())
    return std::move(error);
  client::SessionOptions options;
  options.threads = static_cast<int32_t>(threads);
  opened->session =
      client::Session::create(*opened->artifact, options, message);
  if (!opened->session)
    return createStringError(message);
  return opened;
}

Error ObservedModel::run(ArrayRef<int32_t> ids, ArrayRef<int32_t> positions,
                         ArrayRef<int32_t> segments) {
  int64_t tokens = ids.size();
  std::vector<int32_t> types(ids.size()), rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  auto contentOf = [&](StringRef name) -> ArrayRef<int32_t> {
    if (name == "ids")
      return ids;
    if (name == "positions")
      return positions;
    if (name == "segments")
      return segments;
    return name == "types" ? ArrayRef(types) : ArrayRef(rows);
  };
  std::vector<winnow_tensor> inputs, results;
  for (const std::string &name : inputNames)
    inputs.push_back({WINNOW_I32,
                      1,
                      {tokens},
                      const_cast<int32_t *>(contentOf(name).data())});
  for (Output &output : outputs) {
    output.rows.resize(tokens * output.width);
    results.push_back(
        {WINNOW_F32, 2, {tokens, output.width}, output.rows.data()});
  }
  std::string message;
  if (!session->invoke(entry, inputs, results, message))
    return createStringError(message);
  return Error::success();
}

} // namespace winnow
