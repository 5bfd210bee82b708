//===- StageInfo.cpp - What the manifest says of stages -------------------===//

#include "Profile.h"

#include <algorithm>
#include <cmath>

namespace winnow {
namespace run {

StageWork StageInfo::work(const std::vector<int64_t> &dims,
                          int64_t past) const {
  auto dim = [&](int64_t index, double otherwise) {
    return index >= 0 && static_cast<size_t>(index) < dims.size()
               ? static_cast<double>(dims[static_cast<size_t>(index)])
               : otherwise;
  };
  StageWork work;
  for (const Cost &cost : costs) {
    double rows = dim(cost.rows, 1);
    double keys =
        dim(cost.keys, 0) + (cost.past ? static_cast<double>(past) : 0);
    double seen =
        cost.window ? std::min(keys, static_cast<double>(cost.window)) : keys;
    (cost.integer ? work.integerOperations : work.operations) +=
        cost.operations[0] + cost.operations[1] * rows +
        cost.operations[2] * rows * seen;
    work.bytes += cost.bytes[0] + cost.bytes[1] * rows + cost.bytes[2] * keys;
  }
  return work;
}

static double numberAt(const Json &object, std::string_view key) {
  const Json *value = object.find(key);
  std::optional<double> number = value ? value->number() : std::nullopt;
  return number.value_or(0);
}

/// 0 for what is beyond all dimensions.
static int64_t integerAt(const Json &object, std::string_view key) {
  double number = numberAt(object, key);
  return std::abs(number) < 0x1p62 ? static_cast<int64_t>(number) : 0;
}

static bool flagAt(const Json &object, std::string_view key) {
  const Json *value = object.find(key);
  return value && value->kind == Json::Kind::Boolean && value->boolean;
}

static std::array<double, 3> numbersAt(const Json &object,
                                       std::string_view key) {
  std::array<double, 3> numbers = {};
  if (const Json *list = object.find(key))
    for (size_t i = 0; i < std::min(numbers.size(), list->items.size()); ++i)
      numbers[i] = list->items[i].number().value_or(0);
  return numbers;
}

static StageInfo readStage(const Json &json) {
  StageInfo stage;
  if (const Json *name = json.find("name"))
    stage.name = name->text;
  // Equal kernels that run side by side are counted.
  std::vector<std::pair<std::string, int>> kernels;
  if (const Json *list = json.find("kernels"))
    for (const Json &item : list->items) {
      std::string name = item.text;
      if (name.rfind("winnow_", 0) == 0)
        name.erase(0, 7);
      auto known =
          std::find_if(kernels.begin(), kernels.end(),
                       [&](const auto &other) { return other.first == name; });
      if (known == kernels.end())
        kernels.push_back({name, 1});
      else
        ++known->second;
    }
  for (const auto &[name, count] : kernels)
    stage.kernels += (stage.kernels.empty() ? "" : " + ") + name +
                     (count > 1 ? " x" + std::to_string(count) : "");
  if (kernels.empty())
    stage.kernels = "end";
  if (const Json *costs = json.find("costs"))
    for (const Json &cost : costs->items)
      stage.costs.push_back({integerAt(cost, "rows"), integerAt(cost, "keys"),
                             integerAt(cost, "window"), flagAt(cost, "past"),
                             flagAt(cost, "integer"),
                             numbersAt(cost, "operations"),
                             numbersAt(cost, "bytes")});
  return stage;
}

std::optional<std::vector<EntryInfo>> readStages(const Json &manifest,
                                                 std::string &error) {
  const Json *list = manifest.find("entries");
  std::vector<EntryInfo> entries;
  if (list)
    for (const Json &json : list->items) {
      const Json *name = json.find("name"), *dims = json.find("dims"),
                 *stages = json.find("stages");
      if (!name || !dims || !stages) {
        error = "the manifest describes no stages: compile the model again";
        return std::nullopt;
      }
      EntryInfo entry;
      entry.name = name->text;
      entry.dims = dims->items.size();
      for (const Json &stage : stages->items)
        entry.stages.push_back(readStage(stage));
      entries.push_back(std::move(entry));
    }
  return entries;
}

} // namespace run
} // namespace winnow
