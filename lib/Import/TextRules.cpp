//===- TextRules.cpp - Parts of tokenizer.json around the model -----------===//

#include "TextRules.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using llvm::json::Object;
using llvm::json::Value;

static constexpr StringRef spaceMarker = "\xe2\x96\x81";

/// What ByteLevel cuts by (GPT-2).
static constexpr const char *byteLevelExpression =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
    "|\\s+(?!\\S)|\\s+";

static Error unsupported(StringRef part, const Twine &what) {
  return llvm::createStringError(part + " " + what + " is not supported");
}

/// The components of a part that may be absent, one, or a sequence under the
/// key `list`.
static Expected<llvm::SmallVector<const Object *, 4>>
getComponents(const Object &tokenizer, StringRef part, StringRef list) {
  llvm::SmallVector<const Object *, 4> components;
  const Value *value = tokenizer.get(part);
  if (!value || value->kind() == Value::Null)
    return components;
  const Object *object = value->getAsObject();
  if (!object)
    return llvm::createStringError(part + " expects an object");
  if (object->getString("type") != "Sequence") {
    components.push_back(object);
    return components;
  }
  const llvm::json::Array *sequence = object->getArray(list);
  if (!sequence)
    return llvm::createStringError(part + " expects an array '" + list + "'");
  for (const Value &element : *sequence) {
    if (!element.getAsObject())
      return llvm::createStringError(part + " expects objects in '" + list +
                                     "'");
    components.push_back(element.getAsObject());
  }
  return components;
}

/// The type of a component as it may stand in a message.
static std::string getType(const Object &component) {
  return quote(component.getString("type").value_or(""));
}

static Error readNormalizer(const Object &tokenizer, TokenizerData &data,
                            TextRules &rules) {
  constexpr StringRef part = "normalizer";
  auto components = getComponents(tokenizer, part, "normalizers");
  if (!components)
    return components.takeError();
  for (const Object *component : *components) {
    StringRef type = component->getString("type").value_or("");
    if (type == "NFC") {
      data.compose = true;
    } else if (type == "Prepend") {
      if (component->getString("prepend") != spaceMarker)
        return unsupported(part, "'Prepend' of other than U+2581");
      data.addSpacePrefix = data.prefixesFirst = true;
    } else if (type == "Replace") {
      const Object *pattern = component->getObject("pattern");
      if (!pattern || pattern->getString("String") != " " ||
          component->getString("content") != spaceMarker)
        return unsupported(part, "'Replace' of other than spaces with U+2581");
      rules.marksSpaces = data.marksSpacesFirst = true;
    } else {
      return unsupported(part, getType(*component));
    }
  }
  return Error::success();
}

static Error readMetaspace(const Object &component, TokenizerData &data,
                           TextRules &rules) {
  constexpr StringRef part = "pre_tokenizer";
  if (component.getString("replacement") != spaceMarker)
    return unsupported(part, "'Metaspace' with other than U+2581");
  if (rules.hasMetaspace)
    return unsupported(part, "'Metaspace' twice");
  StringRef scheme = component.getString("prepend_scheme").value_or("always");
  if (scheme != "never" && scheme != "first" && scheme != "always")
    return unsupported(part,
                       "'Metaspace' with the prepend_scheme " + quote(scheme));
  // An older name of the scheme; the library refuses the two in conflict.
  if (!component.getBoolean("add_prefix_space").value_or(true) &&
      scheme != "never")
    return unsupported(part, "'Metaspace' without add_prefix_space and with "
                             "the prepend_scheme " +
                                 quote(scheme));
  rules.marksSpaces = rules.hasMetaspace = true;
  data.cutsAtSpaces = component.getBoolean("split").value_or(true);
  data.cutsBeforePrefix = !data.preTokenizerExpressions.empty();
  if (scheme == "never")
    return Error::success();
  if (data.prefixesFirst)
    return unsupported(part, "'Metaspace' that prepends behind a normalizer "
                             "'Prepend'");
  data.addSpacePrefix = data.prefixUnlessSpace = true;
  data.prefixFirstTextOnly = scheme == "first";
  return Error::success();
}

/// A regular expression that matches \p text alone.
static std::string escape(StringRef text) {
  std::string result;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !llvm::isAlnum(c))
      result += '\\';
    result += c;
  }
  return result;
}

static void addExpression(TokenizerData &data, std::string expression,
                          CutBehavior behavior, bool inverted = false) {
  data.preTokenizerExpressions.push_back(std::move(expression));
  data.cutRules.push_back({behavior, inverted});
}

static std::optional<CutBehavior> findBehavior(StringRef name) {
  return llvm::StringSwitch<std::optional<CutBehavior>>(name)
      .Case("Isolated", CutBehavior::Isolated)
      .Case("Removed", CutBehavior::Removed)
      .Case("MergedWithPrevious", CutBehavior::MergedWithPrevious)
      .Case("MergedWithNext", CutBehavior::MergedWithNext)
      .Case("Contiguous", CutBehavior::Contiguous)
      .Default(std::nullopt);
}

static Error readSplit(const Object &component, TokenizerData &data,
                       const TextRules &rules) {
  constexpr StringRef part = "pre_tokenizer";
  const Object *pattern = component.getObject("pattern");
  std::optional<StringRef> expression, text;
  if (pattern) {
    expression = pattern->getString("Regex");
    text = pattern->getString("String");
  }
  if (!expression && (!text || text->empty()))
    return unsupported(part, "'Split' but by a 'Regex' or a 'String'");
  bool inverted = component.getBoolean("invert").value_or(false);
  // Gemma cuts at spaces when there are none any more.
  if (text == " " && !inverted && rules.marksSpaces)
    return Error::success();
  StringRef name = component.getString("behavior").value_or("");
  std::optional<CutBehavior> behavior = findBehavior(name);
  if (!behavior)
    return unsupported(part, "'Split' with the behavior " + quote(name));
  addExpression(data, expression ? expression->str() : escape(*text), *behavior,
                inverted);
  return Error::success();
}

static Error readByteLevel(const Object &component, TokenizerData &data,
                           TextRules &rules) {
  rules.isByteLevel = true;
  if (component.getBoolean("add_prefix_space").value_or(true)) {
    if (!data.preTokenizerExpressions.empty())
      return unsupported("pre_tokenizer", "'ByteLevel' with add_prefix_space "
                                          "behind another part");
    rules.prefixesBytes = data.addSpacePrefix = data.prefixUnlessSpace = true;
  }
  if (component.getBoolean("use_regex").value_or(true))
    addExpression(data, byteLevelExpression, CutBehavior::Isolated);
  return Error::success();
}

/// Reads a component that cuts the text and does nothing else to it.
static Error readCut(const Object &component, TokenizerData &data,
                     const TextRules &rules) {
  constexpr StringRef part = "pre_tokenizer";
  StringRef type = component.getString("type").value_or("");
  if (rules.hasMetaspace && data.cutsBeforePrefix)
    return unsupported(part, getType(component) +
                                 " behind 'Metaspace' behind another part");
  if (type == "Split")
    return readSplit(component, data, rules);
  if (type == "Digits") {
    bool single = component.getBoolean("individual_digits").value_or(false);
    addExpression(data, single ? "\\p{N}" : "\\p{N}+", CutBehavior::Isolated);
  } else if (type == "WhitespaceSplit") {
    addExpression(data, "\\s+", CutBehavior::Removed);
  } else if (std::optional<StringRef> text =
                 type == "CharDelimiterSplit" ? component.getString("delimiter")
                                              : std::nullopt;
             text && !text->empty()) {
    addExpression(data, escape(*text), CutBehavior::Removed);
  } else {
    return unsupported(part, getType(component));
  }
  return Error::success();
}

static Error readPreTokenizer(const Object &tokenizer, TokenizerData &data,
                              TextRules &rules) {
  constexpr StringRef part = "pre_tokenizer";
  auto components = getComponents(tokenizer, part, "pretokenizers");
  if (!components)
    return components.takeError();
  for (const Object *component : *components) {
    StringRef type = component->getString("type").value_or("");
    Error error = Error::success();
    if (rules.isByteLevel) {
      error = unsupported(part, getType(*component) + " behind 'ByteLevel'");
    } else if (type == "ByteLevel") {
      error = readByteLevel(*component, data, rules);
    } else if (type == "Metaspace") {
      error = readMetaspace(*component, data, rules);
    } else {
      error = readCut(*component, data, rules);
    }
    if (error)
      return error;
  }
  return Error::success();
}

Expected<TextRules> winnow::readTextRules(const Object &tokenizer,
                                          TokenizerData &data) {
  TextRules rules;
  if (Error error = readNormalizer(tokenizer, data, rules))
    return std::move(error);
  if (Error error = readPreTokenizer(tokenizer, data, rules))
    return std::move(error);
  if (rules.isByteLevel &&
      (rules.marksSpaces || (data.addSpacePrefix && !rules.prefixesBytes)))
    return unsupported("pre_tokenizer", "'ByteLevel' with spaces as U+2581");
  if (!rules.isByteLevel && !rules.marksSpaces)
    return unsupported("pre_tokenizer",
                       "with neither 'ByteLevel' nor spaces as U+2581");
  return rules;
}

uint8_t winnow::readTokenRules(const Object &token) {
  constexpr std::pair<const char *, TokenRule> keys[] = {
      {"rstrip", TakesSpaceBehind},
      {"lstrip", TakesSpaceBefore},
      {"single_word", SingleWord},
      {"normalized", InNormalizedText}};
  uint8_t rules = 0;
  for (auto [key, rule] : keys)
    if (token.getBoolean(key).value_or(false))
      rules |= rule;
  return rules;
}

/// Reads the template of a single text: BOS, the text, EOS.
static Error readTemplate(const Object &processor, TokenizerData &data) {
  constexpr StringRef part = "post_processor";
  const llvm::json::Array *pieces = processor.getArray("single");
  if (!pieces)
    return llvm::createStringError(part + " expects an array 'single'");
  const Object *tokens = processor.getObject("special_tokens");
  bool afterText = false;
  for (const Value &value : *pieces) {
    const Object *piece = value.getAsObject();
    if (piece && piece->getObject("Sequence")) {
      if (afterText)
        return unsupported(part, "'TemplateProcessing' of a text twice");
      afterText = true;
      continue;
    }
    const Object *special = piece ? piece->getObject("SpecialToken") : nullptr;
    std::optional<StringRef> name =
        special ? special->getString("id") : std::nullopt;
    const Object *token = name && tokens ? tokens->getObject(*name) : nullptr;
    const llvm::json::Array *ids = token ? token->getArray("ids") : nullptr;
    std::optional<int64_t> id =
        ids && ids->size() == 1 ? getInteger(&ids->front()) : std::nullopt;
    if (!id || *id < 0 || size_t(*id) >= data.pieces.size())
      return llvm::createStringError(
          part + " expects the id of each special token of its template");
    bool &added = afterText ? data.addEos : data.addBos;
    if (added)
      return unsupported(part, "'TemplateProcessing' with two tokens on one "
                               "side of the text");
    added = true;
    (afterText ? data.eos : data.bos) = static_cast<int32_t>(*id);
  }
  if (!afterText)
    return unsupported(part, "'TemplateProcessing' without the text");
  return Error::success();
}

Error winnow::readPostProcessor(const Object &tokenizer, TokenizerData &data) {
  constexpr StringRef part = "post_processor";
  auto components = getComponents(tokenizer, part, "processors");
  if (!components)
    return components.takeError();
  for (const Object *component : *components) {
    StringRef type = component->getString("type").value_or("");
    // ByteLevel changes offsets alone.
    if (type == "ByteLevel")
      continue;
    if (type != "TemplateProcessing")
      return unsupported(part, getType(*component));
    if (Error error = readTemplate(*component, data))
      return error;
  }
  return Error::success();
}
