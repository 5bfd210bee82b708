//===- Report.cpp - A report as JSON --------------------------------------===//

#include "winnow/Report/Report.h"

using namespace llvm;

namespace winnow {

uint64_t ReportedLayer::getBytesBefore() const {
  uint64_t bytes = 0;
  for (const ReportedWeight &weight : weights)
    bytes += weight.bytesBefore;
  return bytes;
}

uint64_t ReportedLayer::getBytes() const {
  uint64_t bytes = 0;
  for (const ReportedWeight &weight : weights)
    bytes += weight.bytes;
  return bytes;
}

template <typename T>
static void addIfKnown(json::Object &object, StringRef key,
                       const std::optional<T> &value) {
  if (value)
    object[key] = *value;
}

static json::Value toJson(const ReportedWeight &weight) {
  json::Object object{{"name", json::fixUTF8(weight.name)},
                      {"format_before", weight.formatBefore},
                      {"bytes_before", weight.bytesBefore},
                      {"bytes", weight.bytes}};
  if (!weight.format.empty())
    object["format"] = weight.format;
  addIfKnown(object, "relative_rms_error", weight.error);
  addIfKnown(object, "relative_output_error", weight.outputError);
  return object;
}

static json::Array toTexts(ArrayRef<std::string> texts) {
  json::Array array;
  for (const std::string &text : texts)
    array.push_back(json::fixUTF8(text));
  return array;
}

static json::Value toJson(const ReportedLayer &layer) {
  json::Object object{{"name", json::fixUTF8(layer.name)},
                      {"kept", layer.isKept},
                      {"bytes_before", layer.getBytesBefore()},
                      {"bytes", layer.getBytes()},
                      {"decisions", toTexts(layer.decisions)}};
  addIfKnown(object, "seconds_before", layer.secondsBefore);
  addIfKnown(object, "seconds", layer.seconds);
  json::Array weights;
  for (const ReportedWeight &weight : layer.weights)
    weights.push_back(toJson(weight));
  object["weights"] = std::move(weights);
  return object;
}

static json::Value toJson(const ReportedPlan &plan) {
  json::Object object{{"passes", toTexts(plan.passes)},
                      {"bytes", plan.bytes},
                      {"divergence", plan.divergence},
                      {"expected_divergence", plan.expectedDivergence},
                      {"found", plan.isFound}};
  addIfKnown(object, "seconds", plan.seconds);
  addIfKnown(object, "expected_seconds", plan.expectedSeconds);
  return object;
}

json::Value toJson(const Report &report) {
  json::Object object{{"model", json::fixUTF8(report.model)},
                      {"target", report.target},
                      {"recipe", toTexts(report.recipe)},
                      {"bytes_before", report.bytesBefore},
                      {"bytes", report.bytes}};
  addIfKnown(object, "expected_bytes", report.expectedBytes);
  addIfKnown(object, "divergence", report.divergence);
  if (report.divergence)
    object["divergence_name"] = report.divergenceName;
  addIfKnown(object, "perplexity_before", report.perplexityBefore);
  addIfKnown(object, "perplexity", report.perplexity);
  json::Array phases, layers, plans;
  for (const ReportedPhase &phase : report.phases) {
    json::Object added{{"name", phase.name},
                       {"seconds_before", phase.secondsBefore},
                       {"seconds", phase.seconds}};
    addIfKnown(added, "expected_seconds", phase.expectedSeconds);
    phases.push_back(std::move(added));
  }
  for (const ReportedLayer &layer : report.layers)
    layers.push_back(toJson(layer));
  for (const ReportedPlan &plan : report.plans)
    plans.push_back(toJson(plan));
  object["phases"] = std::move(phases);
  object["layers"] = std::move(layers);
  object["plans"] = std::move(plans);
  return object;
}

} // namespace winnow
