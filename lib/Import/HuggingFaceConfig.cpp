//===- HuggingFaceConfig.cpp - config.json and its like -------------------===//

#include "winnow/Import/HuggingFaceConfig.h"

#include "Json.h"

#include "winnow/Import/Checkpoint.h"

using namespace winnow;
using llvm::StringRef;

llvm::Expected<HuggingFaceConfig> HuggingFaceConfig::open(StringRef path) {
  auto buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  return parse((*buffer)->getBuffer(), path);
}

llvm::Expected<HuggingFaceConfig> HuggingFaceConfig::parse(StringRef text,
                                                           StringRef path) {
  llvm::Expected<llvm::json::Object> values = parseJsonObject(text, path);
  if (!values)
    return values.takeError();
  return HuggingFaceConfig(path, std::move(*values));
}

std::optional<llvm::json::Value>
HuggingFaceConfig::lookUp(StringRef key) const {
  const llvm::json::Object *object = &values;
  for (size_t dot; (dot = key.find('.')) != StringRef::npos;
       key = key.substr(dot + 1))
    if (!(object = object->getObject(key.take_front(dot))))
      return std::nullopt;
  const llvm::json::Value *value = object->get(key);
  if (!value || value->kind() == llvm::json::Value::Null)
    return std::nullopt;
  return *value;
}

StringRef HuggingFaceConfig::getModelType() const {
  return values.getString("model_type").value_or("");
}
