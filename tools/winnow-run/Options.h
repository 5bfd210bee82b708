//===- Options.h - The command line of winnow-run ---------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_OPTIONS_H
#define WINNOW_TOOLS_WINNOW_RUN_OPTIONS_H

#include "winnow/Client/Artifact.h"
#include "winnow/Generation/Sampler.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace winnow {
namespace run {

/// What the user asked for.
struct Options : client::SessionOptions {
  std::string name; ///< the artifact's path without extension
  std::optional<std::string> prompt;
  std::vector<std::string> prompts; ///< all of them, of an encoder
  std::optional<std::string> promptFile;
  std::optional<std::vector<int32_t>> ids;
  std::optional<std::string> idsFile;
  std::optional<std::string> embeddings; ///< path
  bool chat = false;
  std::optional<std::string> system;
  std::optional<int64_t> tokens; ///< to generate; not given: 128
  SamplingOptions sampling;
  std::vector<std::string> stops;
  bool ignoreEos = false;
  std::optional<winnow_span> pruneSpan;
  std::optional<int64_t> promptTokens; ///< of --evaluate; not given: default
  std::string logitsPath;
  std::string profilePath;
  std::string loadSession, saveSession; ///< paths; empty: neither
  std::string hiddenPath;               ///< encoders
  std::string embeddingPath;            ///< encoders
  std::string imagePath;
  bool bench = false;
  int64_t benchPrefill = 512;
  int64_t benchDecode = 64;
  int64_t benchLength = 128;
  int64_t benchBatch = 1;
  std::optional<std::string> evaluate; ///< path of a text
  std::string against;                 ///< another artifact's path, or empty
  bool json = false;
  bool inspect = false;
  bool verify = false;
  bool version = false;
  bool help = false;

  bool hasPrompt() const { return prompt || promptFile || printsIds(); }
  /// Generated tokens are printed as they were given: as ids or as text.
  bool printsIds() const { return ids || idsFile || embeddings; }
};

/// Reads the command line (without the program's name). Returns nothing and
/// sets `error`, one line, where it makes no sense.
std::optional<Options> parseOptions(const std::vector<std::string> &arguments,
                                    std::string &error);

/// The text of --help.
std::string helpText();

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_OPTIONS_H
