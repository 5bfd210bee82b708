//===- WinnowTokenize.cpp - Ids of many strings, for tests ----------------===//
//
// winnow-tokenize FILE.tokenizer [--pre NAME] [--plain] [--time] < STRINGS
//
// Reads strings, each after its length as a little-endian u32, and prints a
// line for each: its ids with commas, with BOS and EOS where the vocabulary
// asks for them, then a tab, and 1 or 0: whether the ids decode to the string.
// --pre gives the vocabulary the rules of that pre-tokenizer and writes it anew
// before it is used. --plain leaves the texts of control tokens text. --time
// prints seconds to stderr.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace winnow;

static double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Opens \p path under the rules of the pre-tokenizer \p name.
static std::unique_ptr<Tokenizer> openAs(const char *path, const char *name,
                                         std::string &error) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(stream), {});
  std::optional<TokenizerData> data = parseTokenizerData(bytes, error);
  if (!data)
    return nullptr;
  bool addBos = data->addBos, addSpacePrefix = data->addSpacePrefix;
  if (!applyPreTokenizer(*data, name, error))
    return nullptr;
  data->addBos = addBos;
  data->addSpacePrefix = addSpacePrefix;
  completeTokenizerData(*data);
  return Tokenizer::create(*data, error);
}

int main(int argc, char **argv) {
  EncodeOptions options;
  options.addEos = true;
  bool time = false;
  const char *path = nullptr, *pre = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--plain"))
      options.parseSpecial = false;
    else if (!std::strcmp(argv[i], "--time"))
      time = true;
    else if (!std::strcmp(argv[i], "--pre") && i + 1 < argc)
      pre = argv[++i];
    else
      path = argv[i];
  }
  if (!path) {
    std::fprintf(stderr, "usage: winnow-tokenize FILE [--pre NAME] [--plain] "
                         "[--time]\n");
    return 1;
  }
  auto start = std::chrono::steady_clock::now();
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer =
      pre ? openAs(path, pre, error) : Tokenizer::open(path, error);
  if (!tokenizer) {
    std::fprintf(stderr, "winnow-tokenize: error: %s\n", error.c_str());
    return 1;
  }
  double loading = secondsSince(start), encoding = 0;
  size_t bytes = 0;
  unsigned char header[4];
  std::string text;
  while (std::fread(header, 1, 4, stdin) == 4) {
    text.resize(header[0] | header[1] << 8 | header[2] << 16 |
                size_t(header[3]) << 24);
    if (std::fread(text.data(), 1, text.size(), stdin) != text.size())
      return 1;
    bytes += text.size();
    start = std::chrono::steady_clock::now();
    std::vector<int32_t> ids = tokenizer->encode(text, options);
    encoding += secondsSince(start);
    for (size_t i = 0; i < ids.size(); ++i)
      std::printf(i ? ",%d" : "%d", ids[i]);
    if (tokenizer->addsBos())
      ids.erase(ids.begin());
    if (tokenizer->addsEos())
      ids.pop_back();
    std::printf("\t%d\n", tokenizer->decode(ids, {true, true}) == text);
  }
  if (time)
    std::fprintf(stderr, "load %.4f s, encode %zu bytes in %.4f s\n", loading,
                 bytes, encoding);
  return 0;
}
