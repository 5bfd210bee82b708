//===- CommandLine.cpp - The options of winnow-compile --------------------===//

#include "CommandLine.h"

#include "winnow/Driver/Calibrate.h"
#include "winnow/Driver/Recipe.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>

using namespace llvm;
using namespace llvm::opt;

namespace winnow {

namespace {

enum OptionId {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

constexpr OptTable::Info kOptions[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

class Options : public GenericOptTable {
public:
  Options() : GenericOptTable(OptionStrTable, OptionPrefixesTable, kOptions) {}
};

} // namespace

/// A decimal number in [minimum, 2^31).
static Error parseNumber(const InputArgList &args, OptionId id, int64_t minimum,
                         int64_t &number) {
  const Arg *arg = args.getLastArg(id);
  if (!arg)
    return Error::success();
  StringRef text = arg->getValue();
  if (text.getAsInteger(10, number) || number < minimum ||
      number > std::numeric_limits<int32_t>::max())
    return createStringError(arg->getSpelling().rtrim("=") +
                             " expects a number of at " + "least " +
                             Twine(minimum) + ", found '" + text + "'");
  return Error::success();
}

/// One of the words that `parse` knows.
template <typename T>
static Error parseChoice(const InputArgList &args, OptionId id,
                         Expected<T> (*parse)(StringRef), T &choice) {
  const Arg *arg = args.getLastArg(id);
  if (!arg)
    return Error::success();
  Expected<T> parsed = parse(arg->getValue());
  if (!parsed)
    return createStringError(arg->getSpelling().rtrim("=") + " " +
                             toString(parsed.takeError()));
  choice = *parsed;
  return Error::success();
}

/// What to tell about the compilation.
static Error readReports(const InputArgList &args, CommandLine &line) {
  line.printPipeline = args.hasArg(OPT_print_pipeline);
  line.timing = args.hasArg(OPT_timing);
  line.compile.remarks = args.getLastArgValue(OPT_remarks_EQ).str();
  line.compile.dumpDirectory = args.getLastArgValue(OPT_dump_dir_EQ).str();
  for (const std::string &names : args.getAllArgValues(OPT_dump_after_EQ)) {
    SmallVector<StringRef> split;
    StringRef(names).split(split, ',');
    for (StringRef name : split)
      line.compile.dumpAfter.push_back(name.str());
  }
  for (const std::string &path : args.getAllArgValues(OPT_report_EQ)) {
    Expected<std::string> parsed = parseReport(path);
    if (!parsed)
      return createStringError("--report " + toString(parsed.takeError()));
    line.compile.reports.push_back(std::move(*parsed));
  }
  if (!line.compile.reports.empty() && line.compile.emit != EmitKind::Artifact)
    return createStringError("--report is of an artifact, without --emit");
  if (!line.compile.dumpDirectory.empty() && line.compile.dumpAfter.empty())
    return createStringError("--dump-dir goes with --dump-after");
  return Error::success();
}

/// Takes the files that stand right behind a flag out of `inputs`.
static Error takeTexts(const InputArgList &args, OptSpecifier option,
                       std::vector<const Arg *> &inputs,
                       std::vector<std::string> &texts) {
  const Arg *flag = args.getLastArg(option);
  if (!flag)
    return Error::success();
  unsigned next = flag->getIndex() + 1;
  erase_if(inputs, [&](const Arg *input) {
    if (input->getIndex() != next)
      return false;
    texts.push_back(input->getValue());
    ++next;
    return true;
  });
  if (texts.empty())
    return createStringError(flag->getSpelling() +
                             " expects files of text behind it");
  return Error::success();
}

/// Options that make sense with a flag alone.
static Error expectFlag(const InputArgList &args, OptSpecifier flag,
                        StringRef name, ArrayRef<OptSpecifier> options) {
  for (OptSpecifier option : options)
    if (const Arg *arg = args.getLastArg(option); arg && !args.hasArg(flag))
      return createStringError(arg->getSpelling().rtrim("=") + " goes with " +
                               name);
  return Error::success();
}

static Error readCalibration(const InputArgList &args, CommandLine &line) {
  line.statistics = args.getLastArgValue(OPT_statistics_EQ).str();
  line.calibrate.only = args.getLastArgValue(OPT_observe_only_EQ).str();
  if (Error error = parseChoice(args, OPT_observe_EQ, parseStatisticKinds,
                                line.calibrate.kinds))
    return error;
  if (Error error =
          parseNumber(args, OPT_calibrate_window_EQ, 2, line.calibrate.window))
    return error;
  if (!line.calibrate.texts.empty() && line.statistics.empty())
    return createStringError("--calibrate goes with --statistics=FILE");
  return expectFlag(
      args, OPT_calibrate, "--calibrate",
      {OPT_observe_EQ, OPT_observe_only_EQ, OPT_calibrate_window_EQ});
}

static Error readEvaluation(const InputArgList &args,
                            EvaluateOptions &evaluate) {
  if (Error error =
          parseNumber(args, OPT_evaluate_window_EQ, 1, evaluate.window))
    return error;
  if (Error error =
          parseNumber(args, OPT_evaluate_tokens_EQ, 1, evaluate.tokens))
    return error;
  return args.hasArg(OPT_budget_EQ)
             ? Error::success()
             : expectFlag(args, OPT_evaluate_on, "--evaluate-on",
                          {OPT_evaluate_window_EQ, OPT_evaluate_tokens_EQ});
}

static Error readSearch(const InputArgList &args, CommandLine &line) {
  if (Error error = expectFlag(
          args, OPT_budget_EQ, "--budget",
          {OPT_budget_formats_EQ, OPT_budget_rounds_EQ, OPT_write_recipe_EQ}))
    return error;
  const Arg *budget = args.getLastArg(OPT_budget_EQ);
  if (!budget)
    return Error::success();
  SearchOptions &search = line.search.emplace();
  if (Error error =
          parseChoice(args, OPT_budget_EQ, Budget::parse, search.budget))
    return error;
  if (Error error = parseChoice(args, OPT_budget_formats_EQ, parseFormatNames,
                                search.formats))
    return error;
  int64_t rounds = search.rounds;
  if (Error error = parseNumber(args, OPT_budget_rounds_EQ, 0, rounds))
    return error;
  search.rounds = rounds;
  line.writeRecipe = args.getLastArgValue(OPT_write_recipe_EQ).str();
  if (line.statistics.empty())
    return createStringError("--budget needs --statistics=FILE, written by "
                             "winnow-compile --calibrate");
  for (OptSpecifier other : {OPT_recipe_EQ, OPT_weights_EQ})
    if (const Arg *arg = args.getLastArg(other))
      return createStringError(arg->getSpelling().rtrim("=") +
                               " does not go with --budget, which finds a "
                               "recipe itself");
  return Error::success();
}

Expected<CommandLine> parseCommandLine(ArrayRef<const char *> arguments) {
  unsigned missingIndex, missingCount;
  InputArgList args =
      Options().ParseArgs(arguments, missingIndex, missingCount);
  if (missingCount)
    return createStringError(Twine("option '") +
                             args.getArgString(missingIndex) +
                             "' expects a value; see --help");
  if (const Arg *unknown = args.getLastArg(OPT_UNKNOWN)) {
    std::string given = unknown->getAsString(args), nearest;
    // Of more letters, it was hardly meant.
    bool isNear = Options().findNearest(given, nearest) <= 2;
    return createStringError(
        "unknown option '" + given + "'; " +
        (isNear ? "did you mean '" + nearest + "'?" : "see --help"));
  }

  CommandLine line;
  line.help = args.hasArg(OPT_help);
  line.version = args.hasArg(OPT_version);
  if (line.help || line.version)
    return line;
  line.compile.targetCpu =
      args.getLastArgValue(OPT_target_cpu_EQ, "host").str();
  line.compile.debug = args.hasArg(OPT_debug);
  line.quiet = args.hasArg(OPT_quiet);

  int64_t threads = 0;
  if (Error error = parseNumber(args, OPT_context_EQ, 1, line.load.context))
    return std::move(error);
  if (Error error = parseNumber(args, OPT_threads_EQ, 1, threads))
    return std::move(error);
  line.compile.threads = threads;
  if (Error error = parseChoice(args, OPT_activations_EQ, parseActivations,
                                line.compile.quantizeActivations))
    return std::move(error);
  if (Error error =
          parseChoice(args, OPT_weights_EQ, parseWeights, line.compile.weights))
    return std::move(error);
  if (Error error = parseChoice(args, OPT_weights_only_EQ, parseRegex,
                                line.compile.weightsOnly))
    return std::move(error);
  if (Error error = parseChoice(args, OPT_weights_skip_EQ, parseRegex,
                                line.compile.weightsSkip))
    return std::move(error);
  if (const Arg *recipe = args.getLastArg(OPT_recipe_EQ))
    if (Error error =
            readRecipe(recipe->getValue()).moveInto(line.compile.recipe))
      return std::move(error);
  if (Error error =
          parseChoice(args, OPT_emit_EQ, parseEmitKind, line.compile.emit))
    return std::move(error);
  if (Error error = readReports(args, line))
    return std::move(error);
  line.output = args.getLastArgValue(OPT_output).str();
  // The passes depend on the options only.
  if (line.printPipeline)
    return line;
  std::vector<const Arg *> inputs(args.filtered(OPT_INPUT).begin(),
                                  args.filtered(OPT_INPUT).end());
  if (Error error =
          takeTexts(args, OPT_calibrate, inputs, line.calibrate.texts))
    return std::move(error);
  if (Error error =
          takeTexts(args, OPT_evaluate_on, inputs, line.compile.evaluate.texts))
    return std::move(error);
  if (Error error = readCalibration(args, line))
    return std::move(error);
  if (Error error = readEvaluation(args, line.compile.evaluate))
    return std::move(error);
  if (Error error = readSearch(args, line))
    return std::move(error);
  line.calibrate.threads = line.compile.threads;
  if (inputs.size() != 1)
    return createStringError(inputs.empty()
                                 ? Twine("expects a model; see --help")
                                 : Twine("expects one model, found '") +
                                       inputs[0]->getValue() + "' and '" +
                                       inputs[1]->getValue() + "'");
  line.input = inputs[0]->getValue();
  if (line.output.empty() && line.calibrate.texts.empty())
    return createStringError("expects -o NAME; see --help");
  return line;
}

std::string commandLineHelp() {
  std::string text;
  raw_string_ostream os(text);
  Options().printHelp(os,
                      "winnow-compile MODEL -o NAME [options]\n       "
                      "winnow-compile MODEL --calibrate TEXTFILE... "
                      "--statistics=FILE [options]",
                      "Compiles a model (a .gguf checkpoint, a directory of "
                      "Hugging Face or a .mlir program) to a native library");
  return text;
}

} // namespace winnow
