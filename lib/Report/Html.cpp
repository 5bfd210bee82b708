//===- Html.cpp - A report as a page --------------------------------------===//

#include "winnow/Report/Report.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;

namespace winnow {

static constexpr StringLiteral kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em;
  padding: 0 1em; color: #1c2430; background: #fff; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .25em .6em; border-bottom: 1px solid #e3e7ee;
  vertical-align: top; }
th { color: #5a6678; font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; }
.gone { color: #98a2b3; text-decoration: line-through; }
.bar { display: inline-block; height: .7em; background: #3b6fd4; }
.lost { display: inline-block; height: .7em; background: #d9dfe9; }
pre { background: #f4f6fa; padding: .8em; overflow-x: auto; white-space: pre-wrap; }
summary { cursor: pointer; } details table { font-size: .9em; }
svg text { font: 12px system-ui, sans-serif; fill: #5a6678; }
)";

/// Text of untrusted origin inside an element or attribute.
static std::string escape(StringRef text) {
  std::string escaped;
  raw_string_ostream os(escaped);
  printHTMLEscaped(json::fixUTF8(text), os);
  return escaped;
}

static std::string megabytes(uint64_t bytes) {
  return formatv("{0:f2}", double(bytes) / 1e6).str();
}

static std::string percent(double part, double whole) {
  return whole > 0 ? formatv("{0:f1} %", 100 * part / whole).str() : "";
}

static std::string milliseconds(std::optional<double> seconds) {
  return seconds ? formatv("{0:f2}", *seconds * 1e3).str() : "";
}

static std::string number(std::optional<double> value) {
  return value ? formatv("{0:f4}", *value).str() : "";
}

/// Two bars on one another: what is left of what there was.
static std::string bar(double part, double whole, double widest) {
  if (widest <= 0)
    return "";
  double all = 120 * whole / widest, left = std::min(all, 120 * part / widest);
  return formatv("<span class=\"bar\" style=\"width:{0:f1}px\"></span>"
                 "<span class=\"lost\" style=\"width:{1:f1}px\"></span>",
                 left, all - left)
      .str();
}

static void writeTotals(raw_ostream &os, const Report &report) {
  os << "<h2>In all</h2>\n<table><tr><th></th><th>before</th><th>expected</th>"
        "<th>after</th><th>share</th></tr>\n";
  auto row = [&](StringRef name, StringRef before, StringRef expected,
                 StringRef after, StringRef share) {
    os << "<tr><td>" << name << "</td><td>" << before << "</td><td>" << expected
       << "</td><td>" << after << "</td><td>" << share << "</td></tr>\n";
  };
  row("weights, MB", megabytes(report.bytesBefore),
      report.expectedBytes ? megabytes(*report.expectedBytes) : "",
      megabytes(report.bytes),
      percent(double(report.bytes), double(report.bytesBefore)));
  for (const ReportedPhase &phase : report.phases)
    row(escape(phase.name) + ", ms", milliseconds(phase.secondsBefore),
        milliseconds(phase.expectedSeconds), milliseconds(phase.seconds),
        percent(phase.seconds, phase.secondsBefore));
  if (report.divergence)
    row(escape(report.divergenceName), "0", "", number(report.divergence), "");
  if (report.perplexity)
    row("perplexity", number(report.perplexityBefore), "",
        number(report.perplexity), "");
  os << "</table>\n";
}

namespace {
/// A linear scale onto pixels.
struct Axis {
  double least, most, from, to;

  double at(double value) const {
    return most > least ? from + (value - least) / (most - least) * (to - from)
                        : (from + to) / 2;
  }
};
} // namespace

/// What a plan takes, and what was expected, where they are known.
static std::string describeTime(const ReportedPlan &plan) {
  if (!plan.seconds)
    return "";
  std::string text = ", " + milliseconds(plan.seconds) + " ms";
  if (plan.expectedSeconds)
    text += " (expected " + milliseconds(plan.expectedSeconds) + ")";
  return text;
}

/// Plans by size and divergence; those that no other beats are joined.
static void writePlans(raw_ostream &os, const Report &report) {
  auto plans = map_to_vector(report.plans,
                             [](const ReportedPlan &plan) { return &plan; });
  if (plans.empty())
    return;
  double bytes = double(report.bytesBefore), most = 0;
  for (const ReportedPlan *plan : plans)
    most = std::max(most, plan->divergence);
  Axis x = {0, bytes, 60, 680}, y = {0, most, 280, 20};
  os << "<h2>Plans that were run</h2>\n"
        "<svg viewBox=\"0 0 720 320\" width=\"720\" role=\"img\" "
        "aria-label=\"divergence over size\">\n";
  os << formatv("<path d=\"M60 20V280H680\" fill=\"none\" "
                "stroke=\"#98a2b3\"/><text x=\"60\" y=\"300\">0</text>"
                "<text x=\"630\" y=\"300\">{0} MB</text>"
                "<text x=\"4\" y=\"24\">{1:f3}</text><text x=\"4\" "
                "y=\"284\">0</text><text x=\"300\" y=\"315\">size</text>\n",
                megabytes(report.bytesBefore), most);
  llvm::sort(plans, [](const auto *a, const auto *b) {
    return std::tie(a->bytes, a->divergence, a) <
           std::tie(b->bytes, b->divergence, b);
  });
  std::string front;
  double least = most * 2 + 1;
  for (const ReportedPlan *plan : plans)
    if (plan->divergence < least) {
      least = plan->divergence;
      front += formatv("{0}{1:f1} {2:f1}", front.empty() ? "M" : "L",
                       x.at(double(plan->bytes)), y.at(plan->divergence))
                   .str();
    }
  os << "<path d=\"" << front
     << "\" fill=\"none\" stroke=\"#3b6fd4\" stroke-dasharray=\"4 3\"/>\n";
  for (const ReportedPlan *plan : plans)
    os << formatv("<circle cx=\"{0:f1}\" cy=\"{1:f1}\" r=\"{2}\" "
                  "fill=\"{3}\"><title>{4} MB, divergence {5:f4} (expected "
                  "{6:f4}){7}</title></circle>\n",
                  x.at(double(plan->bytes)), y.at(plan->divergence),
                  plan->isFound ? 7 : 4, plan->isFound ? "#d4483b" : "#3b6fd4",
                  megabytes(plan->bytes), plan->divergence,
                  plan->expectedDivergence, describeTime(*plan));
  os << "</svg>\n<p>Divergence over size; the line joins plans that no other "
        "beats in both, and the large one was chosen.</p>\n";
}

/// Each format that a layer has, and how many weights have it.
static std::string formatsOf(const ReportedLayer &layer) {
  MapVector<StringRef, int> formats;
  for (const ReportedWeight &weight : layer.weights)
    if (!weight.format.empty() && weight.format != "f32")
      ++formats[weight.format];
  std::string text;
  for (auto [format, count] : formats)
    text +=
        formatv("{0}{1} {2}", text.empty() ? "" : ", ", count, format).str();
  return escape(text);
}

static void writeWeights(raw_ostream &os, const ReportedLayer &layer) {
  os << "<table><tr><th>weight</th><th>before</th><th>after</th><th>MB "
        "before</th><th>MB</th><th>error</th><th>error of products</th></tr>\n";
  for (const ReportedWeight &weight : layer.weights)
    os << "<tr><td" << (weight.format.empty() ? " class=\"gone\"" : "") << ">"
       << escape(weight.name) << "</td><td>" << escape(weight.formatBefore)
       << "</td><td>" << escape(weight.format) << "</td><td>"
       << megabytes(weight.bytesBefore) << "</td><td>"
       << megabytes(weight.bytes) << "</td><td>" << number(weight.error)
       << "</td><td>" << number(weight.outputError) << "</td></tr>\n";
  os << "</table>\n";
}

static void writeLayers(raw_ostream &os, const Report &report) {
  uint64_t widest = 0;
  for (const ReportedLayer &layer : report.layers)
    widest = std::max(widest, layer.getBytesBefore());
  os << "<h2>Layers</h2>\n<table><tr><th>layer</th><th "
        "class=\"text\">formats</th><th>MB before</th><th>MB</th><th "
        "class=\"text\"></th><th>ms before</th><th>ms</th></tr>\n";
  for (const ReportedLayer &layer : report.layers) {
    uint64_t before = layer.getBytesBefore(), after = layer.getBytes();
    os << "<tr><td><details><summary" << (layer.isKept ? "" : " class=\"gone\"")
       << ">" << (layer.name.empty() ? "in no layer" : escape(layer.name))
       << "</summary>\n";
    writeWeights(os, layer);
    if (!layer.decisions.empty()) {
      os << "<ul>\n";
      for (const std::string &decision : layer.decisions)
        os << "<li>" << escape(decision) << "</li>\n";
      os << "</ul>\n";
    }
    os << "</details></td><td class=\"text\">" << formatsOf(layer)
       << "</td><td>" << megabytes(before) << "</td><td>" << megabytes(after)
       << "</td><td class=\"text\">"
       << bar(double(after), double(before), double(widest)) << "</td><td>"
       << milliseconds(layer.secondsBefore) << "</td><td>"
       << (layer.isKept ? milliseconds(layer.seconds) : "") << "</td></tr>\n";
  }
  os << "</table>\n";
}

std::string toHtml(const Report &report) {
  std::string page;
  raw_string_ostream os(page);
  os << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
        "charset=\"utf-8\">\n<title>"
     << escape(report.model) << ", winnowed</title>\n<style>" << kStyle
     << "</style>\n</head>\n<body>\n<h1>" << escape(report.model)
     << ", winnowed</h1>\n<p>Compiled for " << escape(report.target)
     << ".</p>\n";
  writeTotals(os, report);
  os << "<h2>Recipe</h2>\n<pre>";
  for (const std::string &pass : report.recipe)
    os << escape(pass) << "\n";
  os << "</pre>\n";
  writePlans(os, report);
  writeLayers(os, report);
  os << "</body>\n</html>\n";
  return page;
}

} // namespace winnow
