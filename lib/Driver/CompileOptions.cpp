//===- CompileOptions.cpp - How a model is compiled -----------------------===//

#include "winnow/Driver/CompileOptions.h"

#include "winnow/Formats/Encode.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Regex.h"

#include <optional>

using namespace llvm;

namespace winnow {

static Error notOneOf(const Twine &choices, StringRef found) {
  return createStringError(std::make_error_code(std::errc::invalid_argument),
                           "expects " + choices + ", found '" + found + "'");
}

Expected<EmitKind> parseEmitKind(StringRef name) {
  auto kind = StringSwitch<std::optional<EmitKind>>(name)
                  .Case("mlir", EmitKind::Mlir)
                  .Case("compressed", EmitKind::Compressed)
                  .Case("inlined", EmitKind::Inlined)
                  .Case("layouts", EmitKind::Layouts)
                  .Case("kernels", EmitKind::Kernels)
                  .Case("llvm-dialect", EmitKind::LlvmDialect)
                  .Case("llvm", EmitKind::Llvm)
                  .Case("asm", EmitKind::Assembly)
                  .Case("obj", EmitKind::Object)
                  .Case("static", EmitKind::Static)
                  .Case("artifact", EmitKind::Artifact)
                  .Default(std::nullopt);
  if (!kind)
    return notOneOf("mlir, compressed, inlined, layouts, kernels, "
                    "llvm-dialect, llvm, asm, obj, static or artifact",
                    name);
  return *kind;
}

Expected<bool> parseActivations(StringRef name) {
  if (name != "auto" && name != "f32")
    return notOneOf("auto or f32", name);
  return name == "auto";
}

Expected<std::string> parseWeights(StringRef name) {
  const NumberFormat *format = lookupFormat(name);
  if (name != "keep" && (!format || !canEncodeWeights(*format)))
    return notOneOf("keep, " + join(encodableFormats(), ", "), name);
  return name.str();
}

Expected<std::vector<std::string>> parseFormatNames(StringRef names) {
  std::vector<std::string> formats;
  for (StringRef name : split(names, ','))
    if (Error error = parseWeights(name).moveInto(formats.emplace_back()))
      return std::move(error);
  return formats;
}

Expected<std::string> parseReport(StringRef path) {
  if (!path.ends_with(".html") && !path.ends_with(".json"))
    return notOneOf("a name that ends with .html or .json", path);
  return path.str();
}

Expected<std::string> parseRegex(StringRef text) {
  std::string why;
  if (!Regex(text).isValid(why))
    return createStringError(std::make_error_code(std::errc::invalid_argument),
                             "expects a regular expression, found '" + text +
                                 "': " + why);
  return text.str();
}

} // namespace winnow
