//===- HuggingFaceConfig.h - config.json and its like -----------*- C++ -*-===//

#ifndef WINNOW_IMPORT_HUGGINGFACECONFIG_H
#define WINNOW_IMPORT_HUGGINGFACECONFIG_H

#include "winnow/Import/ConfigReader.h"

namespace winnow {

/// A JSON file of a model: config.json, generation_config.json. Keys name
/// members of the top object, or with dots those of objects in it:
/// "rope_scaling.factor".
class HuggingFaceConfig : public ConfigReader {
public:
  /// Reads the file at `path`, which must be one JSON object.
  static llvm::Expected<HuggingFaceConfig> open(llvm::StringRef path);
  /// The same of its text; `path` names it in messages.
  static llvm::Expected<HuggingFaceConfig> parse(llvm::StringRef text,
                                                 llvm::StringRef path);

  std::optional<llvm::json::Value> lookUp(llvm::StringRef key) const override;

  /// "model_type", or "" where it is missing or no string.
  llvm::StringRef getModelType() const;

private:
  HuggingFaceConfig(llvm::StringRef path, llvm::json::Object values)
      : ConfigReader(path), values(std::move(values)) {}

  llvm::json::Object values;
};

} // namespace winnow

#endif // WINNOW_IMPORT_HUGGINGFACECONFIG_H
