//===- Encode.cpp - Texts or an image in, arrays out ----------------------===//

#include "Encode.h"

#include "Json.h"
#include "NpyFile.h"
#include "NpyReader.h"
#include "Profile.h"
#include "Prompt.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace winnow {
namespace run {

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

bool readLines(const std::string &path, std::vector<std::string> &lines,
               std::string &error) {
  std::string text;
  if (!readFile(path, text, error))
    return false;
  lines = client::splitLines(text);
  return true;
}

static bool readTexts(const Options &options, Texts &texts,
                      std::string &error) {
  if (options.ids || options.idsFile) {
    Prompt prompt;
    if (!readPrompt(options, /*tokenizer=*/nullptr, /*continues=*/false, prompt,
                    error))
      return false;
    texts.ids = std::move(prompt.ids);
    texts.lengths = {static_cast<int64_t>(texts.ids.size())};
    texts.names = {options.ids ? "--ids" : "--ids-file"};
    return true;
  }
  std::vector<std::string> lines = options.prompts;
  if (options.promptFile && !readLines(*options.promptFile, lines, error))
    return false;
  if (lines.empty()) {
    error = "there are no texts";
    return false;
  }
  std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::open(options.name + ".tokenizer", error);
  if (!tokenizer)
    return false;
  for (const std::string &line : lines)
    texts.add(*tokenizer, line);
  return true;
}

static bool writeArray(const std::string &path, const std::vector<float> &data,
                       int64_t rows, int64_t columns, std::string &error) {
  NpyFile file;
  return file.create(path, rows, columns, error) &&
         file.write(data.data(), rows * columns, error) && file.finish(error);
}

/// A line for each text: its similarities to all of them, and the text.
static bool printSimilarities(const Texts &texts,
                              const std::vector<float> &embeddings,
                              int64_t width, std::string &error) {
  std::string out;
  int64_t count = static_cast<int64_t>(texts.lengths.size());
  auto product = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c)
      sum += double(embeddings[a * width + c]) * embeddings[b * width + c];
    return sum;
  };
  for (int64_t a = 0; a < count; ++a) {
    for (int64_t b = 0; b < count; ++b) {
      char number[32];
      double length = std::sqrt(product(a, a) * product(b, b));
      std::snprintf(number, sizeof number, "%7.4f  ",
                    length > 0 ? product(a, b) / length : 0.0);
      out += number;
    }
    out += texts.names[static_cast<size_t>(a)] + "\n";
  }
  if (std::fwrite(out.data(), 1, out.size(), stdout) == out.size() &&
      std::fflush(stdout) == 0)
    return true;
  error = std::string("cannot write the output: ") + std::strerror(errno);
  return false;
}

/// An option of decoders alone, or null.
static const char *findDecoderOption(const Options &options) {
  return options.tokens                 ? "-n"
         : !options.stops.empty()       ? "--stop"
         : options.embeddings           ? "--embeddings"
         : !options.logitsPath.empty()  ? "--logits"
         : !options.loadSession.empty() ? "--load-session"
         : !options.saveSession.empty() ? "--save-session"
                                        : nullptr;
}

bool encode(const Artifact &artifact, const Options &options,
            std::string &error) {
  const winnow_model_info &info = artifact.info();
  if (const char *option = findDecoderOption(options)) {
    error = std::string(info.name) + " is an encoder of texts, which has no " +
            option;
    return false;
  }
  bool compares = options.hiddenPath.empty() && options.embeddingPath.empty();
  bool needsEmbeddings = compares || !options.embeddingPath.empty();
  if (needsEmbeddings && info.pooled_width == 0) {
    error = std::string(info.name) +
            " makes no embeddings: its checkpoint says no pooling; --hidden "
            "writes hidden states";
    return false;
  }
  Texts texts;
  if (!readTexts(options, texts, error))
    return false;
  std::unique_ptr<Session> session = Session::create(artifact, options, error);
  if (!session)
    return false;
  int64_t tokens = static_cast<int64_t>(texts.ids.size());
  int64_t count = static_cast<int64_t>(texts.lengths.size());
  std::unique_ptr<Profile> profile =
      Profile::attach(artifact, *session, options.profilePath, error);
  if (!profile)
    return false;
  std::vector<float> hidden, embeddings;
  if (!options.hiddenPath.empty())
    hidden.resize(static_cast<size_t>(tokens * info.hidden_width));
  if (needsEmbeddings)
    embeddings.resize(static_cast<size_t>(count * info.pooled_width));
  if (!session->encode(texts.view(), hidden.empty() ? nullptr : hidden.data(),
                       needsEmbeddings ? embeddings.data() : nullptr, error) ||
      !profile->finish(error))
    return false;
  if (!hidden.empty() &&
      !writeArray(options.hiddenPath, hidden, tokens, info.hidden_width, error))
    return false;
  if (!options.embeddingPath.empty())
    return writeArray(options.embeddingPath, embeddings, count,
                      info.pooled_width, error);
  return !compares ||
         printSimilarities(texts, embeddings, info.pooled_width, error);
}

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

/// What the manifest says of a tensor of static shape.
static bool readShape(const Json *tensor, std::vector<int64_t> &shape) {
  const Json *sizes = tensor ? tensor->find("shape") : nullptr;
  if (!sizes)
    return false;
  for (const Json &size : sizes->items) {
    std::optional<double> number = size.number();
    if (!number || *number < 0 || *number > 1e9)
      return false;
    shape.push_back(static_cast<int64_t>(*number));
  }
  return true;
}

namespace {

/// The entry point of a model of images.
struct ImageEntry {
  std::string name, result;
  std::vector<int64_t> input, output;
};

} // namespace

/// The entry point whose one input is called "image".
static std::optional<ImageEntry> findImageEntry(const Artifact &artifact) {
  std::string ignored;
  std::optional<Json> manifest =
      parseJson(artifact.info().manifest_json, ignored);
  const Json *entries = manifest ? manifest->find("entries") : nullptr;
  if (!entries)
    return std::nullopt;
  auto text = [](const Json &object, const char *key) {
    const Json *value = object.find(key);
    return value ? value->text : std::string();
  };
  for (const Json &entry : entries->items) {
    const Json *inputs = entry.find("inputs"), *outputs = entry.find("outputs");
    ImageEntry found;
    if (!inputs || !outputs || inputs->items.size() != 1 ||
        outputs->items.size() != 1 ||
        text(inputs->items[0], "name") != "image" ||
        !readShape(&inputs->items[0], found.input) ||
        !readShape(&outputs->items[0], found.output) ||
        found.output.size() != 2)
      continue;
    found.name = text(entry, "name");
    found.result = text(outputs->items[0], "name");
    return found;
  }
  return std::nullopt;
}

static winnow_tensor describe(std::vector<float> &data,
                              const std::vector<int64_t> &shape) {
  winnow_tensor tensor = {};
  tensor.dtype = WINNOW_F32;
  tensor.rank = static_cast<int32_t>(shape.size());
  for (size_t i = 0; i < shape.size() && i < 4; ++i)
    tensor.shape[i] = shape[i];
  tensor.data = data.data();
  return tensor;
}

bool runImage(const Artifact &artifact, const Options &options,
              std::string &error) {
  std::optional<ImageEntry> entry = findImageEntry(artifact);
  if (!entry) {
    error = std::string(artifact.info().name) + " takes no image";
    return false;
  }
  bool isLogits = entry->result == "logits";
  const std::string &path = isLogits ? options.logitsPath : options.hiddenPath;
  if (path.empty()) {
    error = "the model gives " + entry->result + ": " +
            (isLogits ? "--logits" : "--hidden") + " OUT.npy is needed";
    return false;
  }
  NpyArray image;
  if (!readNpy(options.imagePath, image, error, /*rank=*/3))
    return false;
  std::unique_ptr<Session> session = Session::create(artifact, options, error);
  if (!session)
    return false;
  std::vector<float> result(
      static_cast<size_t>(entry->output[0] * entry->output[1]));
  std::vector<winnow_tensor> output = {describe(result, entry->output)};
  std::unique_ptr<Profile> profile =
      Profile::attach(artifact, *session, options.profilePath, error);
  if (!profile ||
      !session->invoke(entry->name, {describe(image.values, image.shape)},
                       output, error) ||
      !profile->finish(error))
    return false;
  return writeArray(path, result, entry->output[0], entry->output[1], error);
}

} // namespace run
} // namespace winnow
