//===- Text.cpp - C API of the text around a model ------------------------===//

#include "winnow/Text.h"

#include "winnow/Chat/ChatTemplate.h"
#include "winnow/Generation/Sampler.h"
#include "winnow/Generation/StopTexts.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>

using namespace winnow;

/// The opaque types of Text.h.
struct winnow_tokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
};
struct winnow_text_stream {
  std::optional<StreamDecoder> decoder;
  StopTexts stops;
  std::string text; ///< what the last call returned
};
struct winnow_sampler {
  Sampler sampler;
};

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static std::nullptr_t fail(char *error, size_t capacity,
                           std::string_view message) {
  if (!error || capacity == 0)
    return nullptr;
  size_t size = std::min(message.size(), capacity - 1);
  std::copy_n(message.begin(), size, error);
  std::replace(error, error + size, '\n', ' ');
  error[size] = '\0';
  return nullptr;
}

/// What `make` returns; null where memory runs out. No exception may reach C.
template <typename Make>
static auto guarded(char *error, size_t capacity, Make make)
    -> decltype(make()) {
  try {
    return make();
  } catch (const std::bad_alloc &) {
    return fail(error, capacity, "out of memory");
  } catch (const std::length_error &) {
    return fail(error, capacity, "out of memory");
  }
}

/// Copies as many values as fit and returns how many there are.
template <typename Values, typename T>
static int64_t copyOut(const Values &values, T *out, int64_t capacity) {
  int64_t count = static_cast<int64_t>(values.size());
  std::copy_n(values.begin(), out ? std::clamp<int64_t>(capacity, 0, count) : 0,
              out);
  return count;
}

/// A count, or -1 where memory runs out.
template <typename Count> static int64_t counted(Count count) {
  try {
    return count();
  } catch (const std::bad_alloc &) {
    return -1;
  } catch (const std::length_error &) {
    return -1;
  }
}

uint32_t winnow_text_api_version(void) { return WINNOW_TEXT_API_VERSION; }

//===----------------------------------------------------------------------===//
// Tokenizer
//===----------------------------------------------------------------------===//

/// Takes what Tokenizer::open or fromBytes made.
template <typename Open>
static winnow_tokenizer *openTokenizer(char *error, size_t capacity,
                                       Open open) {
  return guarded(error, capacity, [&]() -> winnow_tokenizer * {
    std::string message;
    std::unique_ptr<Tokenizer> opened = open(message);
    if (!opened)
      return fail(error, capacity, message);
    return new winnow_tokenizer{std::move(opened)};
  });
}

winnow_tokenizer *winnow_tokenizer_open(const char *path, char *error,
                                        size_t error_size) {
  if (!path)
    return fail(error, error_size, "tokenizer_open: path must not be null");
  return openTokenizer(error, error_size, [&](std::string &message) {
    return Tokenizer::open(path, message);
  });
}

winnow_tokenizer *winnow_tokenizer_parse(const void *bytes, size_t size,
                                         char *error, size_t error_size) {
  if (!bytes)
    return fail(error, error_size, "tokenizer_parse: bytes must not be null");
  return openTokenizer(error, error_size, [&](std::string &message) {
    return Tokenizer::fromBytes(
        std::string(static_cast<const char *>(bytes), size), message);
  });
}

void winnow_tokenizer_close(winnow_tokenizer *tokenizer) { delete tokenizer; }

/// The longest text that encode takes, see Tokenizer::encode.
static constexpr size_t kMostText = size_t(682) << 20;

int64_t winnow_tokenizer_encode(const winnow_tokenizer *tokenizer,
                                const char *text, size_t size, uint32_t flags,
                                int32_t *ids, int64_t capacity) {
  if (!tokenizer || (!text && size) || size > kMostText)
    return -1;
  EncodeOptions options;
  options.parseSpecial = flags & WINNOW_TOKENIZER_SPECIAL;
  options.addBos = flags & WINNOW_TOKENIZER_ADD_BOS;
  options.addEos = flags & WINNOW_TOKENIZER_ADD_EOS;
  return counted([&] {
    return copyOut(tokenizer->tokenizer->encode({text, size}, options), ids,
                   capacity);
  });
}

int64_t winnow_tokenizer_decode(const winnow_tokenizer *tokenizer,
                                const int32_t *ids, int64_t count,
                                uint32_t flags, char *text, int64_t capacity) {
  if (!tokenizer || count < 0 || (!ids && count))
    return -1;
  DecodeOptions options;
  options.renderSpecial = flags & WINNOW_TOKENIZER_SPECIAL;
  options.stripSpacePrefix = !(flags & WINNOW_TOKENIZER_CONTINUES);
  return counted([&] {
    std::vector<int32_t> copy(ids, ids + count);
    return copyOut(tokenizer->tokenizer->decode(copy, options), text, capacity);
  });
}

int32_t winnow_tokenizer_size(const winnow_tokenizer *tokenizer) {
  return tokenizer ? tokenizer->tokenizer->vocabularySize() : 0;
}

int32_t winnow_tokenizer_find(const winnow_tokenizer *tokenizer,
                              const char *piece, size_t size) {
  if (!tokenizer || (!piece && size))
    return -1;
  return tokenizer->tokenizer->findPiece({piece, size});
}

int64_t winnow_tokenizer_piece(const winnow_tokenizer *tokenizer, int32_t id,
                               char *piece, int64_t capacity) {
  if (!tokenizer || id < 0 || id >= tokenizer->tokenizer->vocabularySize())
    return -1;
  return copyOut(tokenizer->tokenizer->piece(id), piece, capacity);
}

int64_t winnow_tokenizer_chat_template(const winnow_tokenizer *tokenizer,
                                       char *text, int64_t capacity) {
  if (!tokenizer)
    return -1;
  return copyOut(tokenizer->tokenizer->chatTemplate(), text, capacity);
}

int32_t winnow_tokenizer_ends(const winnow_tokenizer *tokenizer, int32_t id) {
  return tokenizer && tokenizer->tokenizer->isEndOfGeneration(id);
}

int32_t winnow_tokenizer_bos(const winnow_tokenizer *tokenizer) {
  return tokenizer ? tokenizer->tokenizer->bos() : -1;
}

int32_t winnow_tokenizer_eos(const winnow_tokenizer *tokenizer) {
  return tokenizer ? tokenizer->tokenizer->eos() : -1;
}

//===----------------------------------------------------------------------===//
// Chat template
//===----------------------------------------------------------------------===//

/// False, and a message, where a template cannot be used on messages.
static bool renderChat(std::string_view text,
                       const winnow_chat_message *messages, int64_t count,
                       const winnow_chat_options &options, std::string &prompt,
                       std::string &message) {
  std::unique_ptr<ChatTemplate> parsed = ChatTemplate::parse(text, message);
  if (!parsed)
    return false;
  std::vector<ChatMessage> conversation;
  for (int64_t i = 0; i < count; ++i) {
    const winnow_chat_message &given = messages[i];
    if (!given.role || (!given.content && given.content_size)) {
      message = "chat_render: role and content must not be null";
      return false;
    }
    conversation.push_back(
        {given.role,
         std::string(given.content ? given.content : "", given.content_size)});
  }
  ChatContext context;
  context.bosToken = options.bos_token ? options.bos_token : "";
  context.eosToken = options.eos_token ? options.eos_token : "";
  context.addGenerationPrompt = !options.without_prompt;
  context.now = options.now;
  return parsed->render(conversation, context, prompt, message);
}

int64_t winnow_chat_render(const char *chat_template, size_t template_size,
                           const winnow_chat_message *messages, int64_t count,
                           const winnow_chat_options *options, char *text,
                           int64_t capacity, char *error, size_t error_size) {
  auto refuse = [&](std::string_view message) -> int64_t {
    fail(error, error_size, message);
    return -1;
  };
  if ((!chat_template && template_size) || (!messages && count) || count < 0)
    return refuse("chat_render: template and messages must not be null");
  if (options && options->struct_size < sizeof *options)
    return refuse("chat options: struct_size is not set");
  int64_t result = counted([&]() -> int64_t {
    std::string prompt, message;
    std::string_view source(chat_template ? chat_template : "", template_size);
    if (!renderChat(source, messages, count,
                    options ? *options : winnow_chat_options{}, prompt,
                    message)) {
      refuse(message);
      return -2;
    }
    return copyOut(prompt, text, capacity);
  });
  if (result == -1)
    return refuse("out of memory");
  return std::max<int64_t>(result, -1);
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

winnow_text_stream *winnow_text_stream_create(const winnow_tokenizer *tokenizer,
                                              const char *const *stops,
                                              int32_t stop_count, char *error,
                                              size_t error_size) {
  if (stop_count < 0 || (!stops && stop_count))
    return fail(error, error_size,
                "text_stream_create: stops must not be null");
  for (int32_t i = 0; i < stop_count; ++i)
    if (!stops[i] || !*stops[i])
      return fail(error, error_size, "a stop text is empty");
  return guarded(error, error_size, [&] {
    auto *stream = new winnow_text_stream{
        std::nullopt,
        StopTexts(std::vector<std::string>(stops, stops + stop_count)),
        {}};
    if (tokenizer)
      stream->decoder.emplace(*tokenizer->tokenizer);
    return stream;
  });
}

void winnow_text_stream_destroy(winnow_text_stream *stream) { delete stream; }

/// Keeps what `advance` returns.
template <typename Advance>
static const char *advance(winnow_text_stream *stream, size_t *size,
                           Advance advance) {
  if (!stream || !size)
    return nullptr;
  *size = 0;
  return guarded(nullptr, 0, [&]() -> const char * {
    stream->text = advance();
    *size = stream->text.size();
    return stream->text.c_str();
  });
}

const char *winnow_text_stream_add(winnow_text_stream *stream, int32_t id,
                                   size_t *size) {
  if (!stream || !stream->decoder)
    return nullptr;
  return advance(stream, size,
                 [&] { return stream->stops.add(stream->decoder->add(id)); });
}

const char *winnow_text_stream_add_text(winnow_text_stream *stream,
                                        const char *text, size_t text_size,
                                        size_t *size) {
  if (!text && text_size)
    return nullptr;
  return advance(stream, size, [&] {
    return stream->stops.add(std::string(text, text_size));
  });
}

const char *winnow_text_stream_finish(winnow_text_stream *stream,
                                      size_t *size) {
  return advance(stream, size, [&] {
    std::string rest =
        stream->decoder ? stream->stops.add(stream->decoder->finish()) : "";
    return stream->stops.stopped() ? rest : rest + stream->stops.finish();
  });
}

int32_t winnow_text_stream_stopped(const winnow_text_stream *stream) {
  return stream && stream->stops.stopped();
}

//===----------------------------------------------------------------------===//
// Sampler
//===----------------------------------------------------------------------===//

winnow_sampler *winnow_sampler_create(const winnow_sampler_options *options,
                                      char *error, size_t error_size) {
  SamplingOptions sampling;
  if (options) {
    if (options->struct_size < sizeof *options)
      return fail(error, error_size, "sampler options: struct_size is not set");
    // Written so that NaN is refused too.
    if (!(options->temperature >= 0 && options->temperature <= 1e6))
      return fail(error, error_size,
                  "temperature expects a number from 0 to 1000000");
    if (options->top_k < 0)
      return fail(error, error_size, "top_k expects a count");
    if (!(options->top_p >= 0 && options->top_p <= 1))
      return fail(error, error_size, "top_p expects a number from 0 to 1");
    if (!(options->min_p >= 0 && options->min_p <= 1))
      return fail(error, error_size, "min_p expects a number from 0 to 1");
    sampling = {options->temperature, options->top_k, options->top_p,
                options->min_p, options->seed};
  }
  return guarded(error, error_size,
                 [&] { return new winnow_sampler{Sampler(sampling)}; });
}

void winnow_sampler_destroy(winnow_sampler *sampler) { delete sampler; }

int32_t winnow_sampler_sample(winnow_sampler *sampler, const float *logits,
                              int64_t vocabulary) {
  if (!sampler || !logits || vocabulary <= 0)
    return -1;
  return static_cast<int32_t>(counted([&] {
    return sampler->sampler.sample(logits, static_cast<size_t>(vocabulary));
  }));
}
