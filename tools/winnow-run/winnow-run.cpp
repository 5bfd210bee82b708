//===- winnow-run.cpp - Runs what winnow-compile made ---------------------===//

#include "Artifact.h"
#include "Bench.h"
#include "Chat.h"
#include "Encode.h"
#include "Evaluate.h"
#include "Generate.h"
#include "Inspect.h"
#include "Options.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

using namespace winnow::run;

/// Prints the one line of a failure.
static int failWith(std::string message) {
  for (char &c : message)
    if (static_cast<unsigned char>(c) < 0x20)
      c = ' ';
  std::fprintf(stderr, "winnow-run: error: %s\n", message.c_str());
  return 1;
}

static bool printText(const std::string &text, std::string &error) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0)
    return true;
  error = std::string("cannot write the output: ") + std::strerror(errno);
  return false;
}

static bool inspect(const Artifact &artifact, bool json, std::string &error) {
  std::string text = artifact.info().manifest_json;
  if (json)
    return printText(text + "\n", error);
  std::optional<Json> manifest = parseJson(text, error);
  if (manifest)
    return printText(renderManifest(*manifest), error);
  error = "manifest: " + error;
  return false;
}

static bool verify(const Artifact &artifact, std::string &error) {
  winnow_error failure = {};
  if (artifact.api().verify(artifact.model(), &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

static bool run(const Options &options, std::string &error) {
  auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Artifact> artifact = Artifact::open(options.name, error);
  if (!artifact)
    return false;
  double loadSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  if (options.verify && !verify(*artifact, error))
    return false;
  if (options.inspect)
    return inspect(*artifact, options.json, error);
  if (options.bench)
    return bench(*artifact, options, loadSeconds, error);
  if (options.evaluate)
    return evaluate(*artifact, options, error);
  if (options.chat)
    return chat(*artifact, options, error);
  if (!options.imagePath.empty())
    return runImage(*artifact, options, error);
  if (!options.hasPrompt() && options.loadSession.empty())
    return true; // --verify alone
  if (artifact->info().hidden_width)
    return encode(*artifact, options, error);
  return generate(*artifact, options, error);
}

int main(int argc, char **argv) {
  std::set_new_handler([] {
    std::fputs("winnow-run: error: out of memory\n", stderr);
    std::_Exit(1);
  });
  std::string error;
  std::optional<Options> options =
      parseOptions(std::vector<std::string>(argv + 1, argv + argc), error);
  if (!options)
    return failWith(error);
  bool done = options->help ? printText(helpText(), error)
              : options->version
                  ? printText("winnow-run " WINNOW_VERSION ", artifact ABI " +
                                  std::to_string(WINNOW_ABI_VERSION) + "\n",
                              error)
                  : run(*options, error);
  return done ? 0 : failWith(error);
}
